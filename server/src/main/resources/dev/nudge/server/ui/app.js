// The page: five views, one of which is shown. The address behind `#` says which.

import { el } from "./dom.js";
import { onKey, useKey } from "./api.js";
import { adapters } from "./adapters.js";
import { experiments } from "./experiments.js";
import { load } from "./load.js";
import { playground } from "./playground.js";
import { runs } from "./runs.js";

const VIEWS = { playground, adapters, experiments, runs, load };
const made = new Map(); // name → { node, show(path), hide() }: kept, so a stream goes on unseen
const main = document.getElementById("main");
let shown = null;

function route(first) {
  const [view, ...path] = location.hash.slice(1).split("/").map(decoded);
  const name = Object.hasOwn(VIEWS, view) ? view : "playground";
  if (!made.has(name)) {
    made.set(name, VIEWS[name]());
  }
  const next = made.get(name);
  if (shown !== next) {
    shown?.hide?.();
    main.replaceChildren(next.node);
    shown = next;
  }
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.hash === `#${name}`;
    here ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }
  const where = path.filter((p) => p !== "");
  document.title = [...where.toReversed(), name, "nudge"].join(" · ");
  next.show(where);
  if (!first) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

document.getElementById("skip").addEventListener("click", (e) => {
  e.preventDefault(); // the address names views
  main.focus();
});

onKey((there) => {
  const forget = el("button", { type: "button", onclick: () => useKey(null) }, "Forget the key");
  document.getElementById("key").replaceChildren(...(there ? [forget] : []));
});

addEventListener("hashchange", () => route(false));
route(true);
