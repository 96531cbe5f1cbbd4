// How tokens are drawn. What is left empty is the server's default.

import { el } from "./dom.js";

const KNOBS = [
  { name: "temperature", label: "Temperature", min: 0, max: 2, value: 0, hint: "0: the likeliest token" },
  { name: "max_tokens", label: "Most tokens", min: 1, whole: true, value: 256 },
  { name: "top_p", label: "Top p", min: 0, max: 1 },
  { name: "top_k", label: "Top k", min: 0, whole: true },
  { name: "min_p", label: "Min p", min: 0, max: 1 },
  { name: "repetition_penalty", label: "Repetition penalty", min: 0.01, max: 10 },
  { name: "presence_penalty", label: "Presence penalty", min: -2, max: 2 },
  { name: "frequency_penalty", label: "Frequency penalty", min: -2, max: 2 },
  { name: "seed", label: "Seed", whole: true },
];

export function knobs() {
  const inputs = KNOBS.map((k) => [k, el("input", {
    id: `knob-${k.name}`, type: "number", min: k.min, max: k.max, value: k.value,
    step: k.whole ? 1 : "any", inputmode: k.whole ? "numeric" : "decimal",
    "aria-describedby": k.hint ? `knob-${k.name}-hint` : null,
  })]);
  const stop = el("input", { id: "knob-stop", autocomplete: "off" });
  const node = el("fieldset", { class: "knobs" },
    el("legend", {}, "Sampling"),
    inputs.map(([k, input]) => el("div", { class: "field" },
      el("label", { for: input.id }, k.label), input,
      k.hint ? el("span", { class: "hint", id: `${input.id}-hint` }, k.hint) : null)),
    el("div", { class: "field" }, el("label", { for: "knob-stop" }, "Stop at the text"), stop));
  return {
    node,
    /** The fields of a request. */
    values() {
      const values = {};
      for (const [k, input] of inputs) {
        if (input.value !== "") {
          values[k.name] = Number(input.value);
        }
      }
      if (stop.value !== "") {
        values.stop = stop.value;
      }
      return values;
    },
  };
}
