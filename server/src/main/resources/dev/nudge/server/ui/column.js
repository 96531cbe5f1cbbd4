// One model's answer. It is busy for screen readers while it comes, so that they read it once, whole.

import { el } from "./dom.js";
import { stream } from "./api.js";
import { number, seconds, short } from "./format.js";

let made = 0;

/** @param remove called when the column is to go */
export function column(model, remove) {
  const id = `column-${++made}`;
  const label = el("label", { for: id });
  const input = el("input", { id, list: "models", autocomplete: "off", spellcheck: "false",
    value: model, placeholder: "base, NAME, NAME@ALIAS or NAME:VERSION" });
  const gone = el("button", { type: "button", class: "quiet", onclick: remove }, "Remove");
  const answer = el("div", { class: "answer", dir: "auto", tabindex: "0", role: "region",
    "aria-live": "polite" });
  const about = el("p", { class: "about" });
  const node = el("section", { class: "column" },
    el("div", { class: "head" }, label, gone), input, answer, about);
  let text = "";

  function facts(...parts) {
    about.textContent = parts.filter((p) => p).join(" · ");
  }

  /** Asks, and shows what comes; gives the error that ended it, or null. */
  async function ask(body, chat, signal) {
    const begun = performance.now();
    const thought = document.createTextNode("");
    const said = document.createTextNode("");
    const thoughts = el("div", { class: "thoughts", hidden: true }, thought);
    answer.replaceChildren(thoughts, said);
    answer.setAttribute("aria-busy", "true");
    node.classList.remove("failed");
    facts("waiting");
    text = "";
    let first = null;
    let from = null;
    let usage = null;
    let warning = null;
    let finish = null;
    let error = null;
    try {
      const path = chat ? "chat/completions" : "completions";
      for await (const event of stream(path, { ...body, model: input.value.trim() }, signal)) {
        if (event instanceof Headers) {
          from = event;
          continue;
        }
        usage = event.usage ?? usage;
        warning = event.warning ?? warning;
        const choice = event.choices?.[0];
        const piece = (chat ? choice?.delta?.content : choice?.text) ?? "";
        const thinking = choice?.delta?.reasoning_content ?? "";
        finish = choice?.finish_reason ?? finish;
        if (first === null && piece + thinking !== "") {
          first = performance.now();
          facts("answering");
        }
        thoughts.hidden = thoughts.hidden && thinking === "";
        thought.appendData(thinking);
        said.appendData(piece);
        text += piece;
      }
    } catch (e) {
      error = e;
    }
    answer.setAttribute("aria-busy", "false");
    if (error !== null && error.name !== "AbortError") {
      node.classList.add("failed");
      answer.append(el("p", { class: "error" }, error.message));
    }
    if (warning !== null) {
      answer.append(el("p", { class: "error" }, `Warning: ${warning}`));
    }
    const tokens = usage?.completion_tokens;
    const took = (performance.now() - (first ?? begun)) / 1000;
    const digest = from?.get("X-Adapter-Digest");
    facts(
      error === null ? null : error.name === "AbortError" ? "stopped" : "failed",
      tokens !== undefined ? `${number(tokens)} tokens` : null,
      first !== null ? `first after ${seconds((first - begun) / 1000)}` : null,
      tokens > 1 && took > 0 ? `${number((tokens - 1) / took)} tokens/s` : null,
      finish === "length" ? "cut at the limit" : null,
      digest ? `${from.get("X-Adapter") ?? ""} ${short(digest)}`.trim() : null);
    return error === null || error.name === "AbortError" ? null : error;
  }

  /** Says where the answer leaves another one. */
  function compare(other) {
    const theirs = other.text();
    if (text === "" || theirs === "") {
      return;
    }
    let same = 0;
    while (same < Math.min(text.length, theirs.length) && text[same] === theirs[same]) {
      same++;
    }
    const note = text === theirs
      ? "same answer as column 1"
      : same === 0 ? null : `as column 1 for ${number(same)} ${same === 1 ? "character" : "characters"}`;
    about.textContent = [about.textContent, note].filter((p) => p).join(" · ");
  }

  return {
    node,
    answer: ask,
    compare,
    text: () => text,
    model: () => input.value.trim(),
    take: (name) => (input.value = name),
    focus: () => input.focus(),
    number(n, several) {
      label.textContent = `Model ${n}`;
      answer.setAttribute("aria-label", `Answer ${n}`);
      gone.setAttribute("aria-label", `Remove column ${n}`);
      gone.hidden = !several;
    },
  };
}
