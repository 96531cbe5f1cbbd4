// Dialogs that keep the keyboard while they are open and give it back after.

import { el } from "./dom.js";
import { Refused, hasKey, post, useKey } from "./api.js";

let count = 0;

/**
 * Asks for some fields and a yes.
 *
 * @param fields `{ name, label, type: "text" | "password" | "area" | "choice", value, choices, hint }`
 * @returns the values by name, or null where it was called off
 */
export function ask({ title, text, fields, yes }) {
  const opener = document.activeElement;
  const id = `dialog-${++count}`;
  const inputs = fields.map((f) => [f, input(f, `${id}-${f.name}`)]);
  return new Promise((resolve) => {
    let answer = null;
    const form = el("form", {
      onsubmit: (e) => {
        e.preventDefault();
        answer = Object.fromEntries(inputs.map(([f, node]) => [f.name, node.value.trim()]));
        dialog.close();
      },
    },
    el("h2", { id }, title),
    text ? el("p", { id: `${id}-text` }, text) : null,
    inputs.map(([f, node]) => el("div", { class: "field" },
      el("label", { for: node.id }, f.label), node,
      f.hint ? el("p", { class: "hint", id: `${node.id}-hint` }, f.hint) : null)),
    el("div", { class: "buttons" },
      el("button", { type: "submit", class: "main" }, yes),
      el("button", { type: "button", onclick: () => dialog.close() }, "Cancel")));
    const dialog = el("dialog", {
      "aria-labelledby": id,
      "aria-describedby": text ? `${id}-text` : null,
      onkeydown: (e) => keepIn(dialog, e),
      onclose: () => {
        dialog.remove();
        if (opener?.isConnected) {
          opener.focus();
        }
        resolve(answer);
      },
    }, form);
    document.body.append(dialog);
    dialog.showModal();
    inputs[0]?.[1].focus();
  });
}

function input(f, id) {
  const common = { id, required: !f.optional, "aria-describedby": f.hint ? `${id}-hint` : null };
  if (f.type === "area") {
    return el("textarea", { ...common, rows: 2, maxlength: 500 });
  }
  if (f.type === "choice") {
    return el("select", common, f.choices.map((c) =>
      el("option", { value: c.value, selected: c.value === f.value }, c.label)));
  }
  return el("input", { ...common, type: f.type, autocomplete: "off", spellcheck: "false",
    pattern: f.pattern, title: f.pattern ? f.hint : null });
}

/** Lets the tab key go round within the dialog. */
function keepIn(dialog, e) {
  if (e.key !== "Tab") {
    return;
  }
  const stops = [...dialog.querySelectorAll("input, textarea, select, button")];
  const end = e.shiftKey ? stops[0] : stops[stops.length - 1];
  if (document.activeElement === end) {
    e.preventDefault();
    (e.shiftKey ? stops[stops.length - 1] : stops[0]).focus();
  }
}

/** Asks for a key and keeps it in memory; false where none was given. */
export async function askKey(text) {
  const given = await ask({
    title: "Key",
    text,
    fields: [{ name: "key", label: "Key", type: "password",
      hint: "It stays in this page's memory and is gone when you close or reload it." }],
    yes: "Use this key",
  });
  if (given === null) {
    return false;
  }
  useKey(given.key);
  return true;
}

/**
 * Sends what only an administrator may, and asks for the key when the server wants one.
 *
 * @returns the answer, or null where no key was given
 */
export async function act(path, body) {
  for (;;) {
    try {
      return await post(path, body);
    } catch (e) {
      const wanted = e instanceof Refused && (e.status === 401 || e.code === "not_admin");
      if (!wanted) {
        throw e;
      }
      const text = hasKey()
        ? "The server did not take this key for that; it needs the admin key."
        : "The server needs the admin key for that.";
      if (!(await askKey(text))) {
        return null;
      }
    }
  }
}

/** What stands in the place of buttons where the server lets nobody do what they do. */
export function needsKey(what) {
  return el("p", { class: "hint locked" },
    `${what} needs an admin key; start the server with --admin-key-file.`);
}

/** What is shown where a view cannot be loaded, with a way on. */
export function trouble(e, again) {
  const wantsKey = e instanceof Refused && (e.status === 401 || e.status === 403);
  return el("div", { class: "trouble", role: "alert" },
    el("p", {}, e.message),
    el("div", { class: "buttons" },
      wantsKey
        ? el("button", {
          type: "button",
          onclick: async () => (await askKey("The server wants a key to show this.")) && again(),
        }, "Enter a key")
        : el("button", { type: "button", onclick: again }, "Try again")));
}
