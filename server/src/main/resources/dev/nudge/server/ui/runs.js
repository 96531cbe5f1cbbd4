// Runs of training with their losses.

import { el, heading, name, replace, table } from "./dom.js";
import { get, segment } from "./api.js";
import { trouble } from "./dialogs.js";
import { losses } from "./chart.js";
import { number, seconds, time } from "./format.js";

const MOST = 8; // as many colours as there are

export function runs() {
  const node = el("div", {});
  const drawn = el("div", { class: "drawn" });
  const chosen = new Set();
  const curves = new Map(); // id → run with its curves
  let path = [];

  async function show(where) {
    path = where;
    try {
      if (path.length === 0) {
        list((await get("runs")).data);
      } else {
        detail(await get(`runs/${segment(path[0])}`));
      }
    } catch (e) {
      replace(node, el("h1", {}, "Runs"), trouble(e, () => show(path)));
    }
  }

  function list(all) {
    const sorted = all.toSorted((a, b) => String(b.started).localeCompare(String(a.started)));
    replace(node,
      heading("Runs", () => show(path)),
      all.length === 0
        ? el("p", { class: "hint" }, "No runs here; nudge serve --runs FOLDER names where they are.")
        : [drawn, table("Runs",
          ["Draw", "Run", "State", "Started", "Base", { number: "Steps" }, { number: "Loss" },
            { number: "Held out" }, { number: "Tokens/s" }, { number: "Took" }],
          sorted.map(row))]);
    for (const id of chosen) {
      if (!all.some((r) => r.id === id)) {
        chosen.delete(id);
      }
    }
    draw();
  }

  function row(r) {
    const box = el("input", { type: "checkbox", "aria-label": `Draw ${r.name}`,
      "data-at": `draw ${r.id}`, checked: chosen.has(r.id), onchange: () => choose(r.id, box) });
    return el("tr", {},
      el("td", {}, box),
      el("th", { scope: "row" }, el("a", { href: `#runs/${segment(r.id)}` }, name(r.name))),
      el("td", {}, el("span", { class: `state ${r.state}` }, r.state)),
      el("td", {}, time(r.started)),
      el("td", {}, name(r.model), r.quantize === "none" ? null : ` ${r.quantize}`),
      el("td", { class: "number" }, steps(r)),
      el("td", { class: "number" }, number(r.loss, 4)),
      el("td", { class: "number" }, number(r.held_out, 4)),
      el("td", { class: "number" }, number(r.tokens_per_s)),
      el("td", { class: "number" }, seconds(r.seconds)));
  }

  function steps(r) {
    const of = r.planned_steps !== null && r.planned_steps !== r.steps;
    return of ? `${number(r.steps)} of ${number(r.planned_steps)}` : number(r.steps);
  }

  async function choose(id, box) {
    if (box.checked && chosen.size >= MOST) {
      box.checked = false;
      return;
    }
    box.checked ? chosen.add(id) : chosen.delete(id);
    await draw();
  }

  async function draw() {
    try {
      for (const id of chosen) {
        if (!curves.has(id) || curves.get(id).state === "running") {
          curves.set(id, await get(`runs/${segment(id)}`));
        }
      }
    } catch (e) {
      drawn.replaceChildren(trouble(e, draw));
      return;
    }
    const shown = [...chosen].map((id) => curves.get(id)).filter(Boolean);
    const chart = losses(shown.map((r) => ({ name: r.name, ...r.curves })),
      `Losses of ${shown.map((r) => r.name).join(", ")}`);
    drawn.replaceChildren(...(chart === null ? [] : [el("figure", {}, chart, legend(shown))]));
  }

  function legend(shown) {
    return el("figcaption", {}, el("ul", { class: "legend" }, shown.map((r, i) =>
      el("li", { class: `colour-${i % MOST}` }, name(r.name),
        r.held_out === null ? null : ` (held out ${number(r.held_out, 4)})`))),
    el("p", { class: "hint" }, "Lines: loss of training, smoothed; dots: held out."));
  }

  function detail(r) {
    const chart = losses([{ name: r.name, ...r.curves }], spoken(r));
    replace(node,
      el("p", { class: "back" }, el("a", { href: "#runs" }, "All runs")),
      heading(name(r.name), () => show(path)),
      el("dl", { class: "facts" }, facts(r)),
      r.failure ? el("p", { class: "error" }, `Failed: ${r.failure}`) : null,
      el("h2", {}, "Losses"),
      chart === null
        ? el("p", { class: "hint" }, "No loss yet.")
        : el("figure", {}, chart, el("figcaption", {}, el("ul", { class: "legend" },
          el("li", { class: "colour-0" }, "training: smoothed, and each step behind it"),
          r.curves.held_out.length > 0 ? el("li", { class: "colour-1 dots" }, "held out") : null))),
      r.curves.held_out.length > 0
        ? el("details", {}, el("summary", {}, "Held-out losses as numbers"),
          table("Held-out losses", [{ number: "After step" }, { number: "Loss" }],
            r.curves.held_out.map(([step, loss]) => el("tr", {},
              el("td", { class: "number" }, number(step)),
              el("td", { class: "number" }, number(loss, 5))))))
        : null,
      el("h2", {}, "Settings"),
      el("dl", { class: "facts" }, Object.entries(r.settings).map(([key, value]) =>
        fact(key.replaceAll("_", "-"), Array.isArray(value) ? value.join(", ") : String(value)))));
  }

  function fact(term, text) {
    return el("div", {}, el("dt", {}, term), el("dd", {}, name(text)));
  }

  function facts(r) {
    return [
      fact("State", r.state), fact("Started", time(r.started)), fact("Base", r.model),
      fact("Steps", steps(r)), fact("Loss", number(r.loss, 4)),
      fact("Held out, best", number(r.held_out, 4)),
      fact("Tokens/s", number(r.tokens_per_s)), fact("Took", seconds(r.seconds))];
  }

  /** What the drawing says, in words. */
  function spoken(r) {
    const { smooth, held_out: held } = r.curves;
    const ends = smooth.length === 0 ? "" : `: from ${number(smooth[0][1], 4)} at step ${smooth[0][0]}`
      + ` to ${number(smooth.at(-1)[1], 4)} at step ${smooth.at(-1)[0]}`;
    const best = held.length === 0 ? "" : `; held out at the end ${number(held.at(-1)[1], 4)}`;
    return `Loss of ${r.name}${ends}${best}`;
  }

  return { node, show };
}
