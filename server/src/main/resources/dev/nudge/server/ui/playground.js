// Asks several models the same and shows their answers side by side as they come.

import { el, say } from "./dom.js";
import { Refused, get } from "./api.js";
import { askKey, trouble } from "./dialogs.js";
import { column } from "./column.js";
import { knobs } from "./knobs.js";

const MOST = 5; // a browser has six connections to a server

export function playground() {
  const columns = [];
  const list = el("datalist", { id: "models" });
  const rows = el("div", { class: "columns" });
  const knob = knobs();
  const system = el("textarea", { id: "system", rows: 2 });
  const prompt = el("textarea", { id: "prompt", rows: 4, required: true });
  const shape = el("select", { id: "shape" },
    el("option", { value: "chat" }, "A message, by the chat template"),
    el("option", { value: "text" }, "Text, as it is"));
  const run = el("button", { type: "submit", class: "main" }, "Run");
  const stop = el("button", { type: "button", disabled: true, onclick: () => halt() }, "Stop");
  const more = el("button", { type: "button", onclick: () => add("", true) }, "Add a column");
  const form = el("form", { class: "ask", onsubmit: (e) => (e.preventDefault(), go()) },
    field("prompt", "Prompt", prompt),
    el("details", {}, el("summary", {}, "System message and sampling"),
      el("div", { class: "field" }, el("label", { for: "shape" }, "Prompt is"), shape),
      field("system", "System message", system),
      knob.node),
    el("div", { class: "buttons" }, run, stop, more,
      el("span", { class: "hint" }, "Ctrl + Enter runs")));
  const problem = el("div", {});
  const node = el("div", {}, el("h1", {}, "Playground"), problem, form, rows, list);
  let ending = null;
  let filled = false;

  form.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      form.requestSubmit();
    }
  });

  function field(id, label, input) {
    return el("div", { class: "field" }, el("label", { for: id }, label), input);
  }

  function add(model, focus) {
    const one = column(model, () => {
      columns.splice(columns.indexOf(one), 1);
      one.node.remove();
      number();
      more.focus();
    });
    columns.push(one);
    rows.append(one.node);
    number();
    if (focus) {
      one.focus();
    }
  }

  function number() {
    columns.forEach((c, i) => c.number(i + 1, columns.length > 1));
    more.disabled = columns.length >= MOST;
  }

  async function go() {
    if (ending !== null) {
      return;
    }
    const asked = columns.filter((c) => c.model() !== "");
    if (asked.length === 0) {
      say("Name a model in a column first.", true);
      columns[0]?.focus();
      return;
    }
    ending = new AbortController();
    run.disabled = true;
    stop.disabled = false;
    const chat = shape.value === "chat";
    const body = { ...knob.values(), stream: true, stream_options: { include_usage: true } };
    if (chat) {
      body.messages = [{ role: "user", content: prompt.value }];
      if (system.value.trim() !== "") {
        body.messages.unshift({ role: "system", content: system.value });
      }
    } else {
      body.prompt = prompt.value;
    }
    const ends = await Promise.all(asked.map((c) => c.answer(body, chat, ending.signal)));
    asked.slice(1).forEach((c) => c.compare(asked[0]));
    ending = null;
    run.disabled = false;
    stop.disabled = true;
    const failed = ends.filter((e) => e !== null);
    say(failed.length === 0 ? "All answers are there." : `${failed.length} without an answer.`,
      failed.length > 0);
    if (failed.some((e) => e instanceof Refused && e.status === 401)
      && await askKey("The server wants a key to answer.")) {
      models();
      go();
    }
  }

  function halt() {
    ending?.abort();
    run.disabled = false;
    run.focus();
  }

  async function models() {
    try {
      const there = (await get("models")).data;
      problem.replaceChildren();
      list.replaceChildren(...there.map((m) =>
        el("option", { value: m.id }, m.parent ? `adapter of ${m.parent}` : "the base")));
      if (!filled) {
        filled = true;
        const base = there.find((m) => !m.parent) ?? there[0];
        const others = there.filter((m) => m !== base);
        const first = [base, ...others.slice(0, 1)].filter(Boolean);
        first.forEach((m, i) => columns[i]?.model() === "" && columns[i].take(m.id));
        const learned = there.find((m) => m.id === columns.map((c) => c.model()).find((name) =>
          others.some((m) => m.id === name)));
        if (learned?.form === "prompts") {
          shape.value = "text";
          prompt.value ||= learned.pattern ?? "";
        }
      }
    } catch (e) {
      problem.replaceChildren(trouble(e, models));
    }
  }

  add("");
  add("");
  return { node, show: models };
}
