// What the server does now, asked for every two seconds while somebody looks.

import { el, name, replace, table } from "./dom.js";
import { get } from "./api.js";
import { trouble } from "./dialogs.js";
import { recent } from "./chart.js";
import { bytes, number, percent, short } from "./format.js";

const EVERY = 2000; // ms
const MOST = 90; // values that are drawn: three minutes

export function load() {
  const tiles = el("div", { class: "tiles" });
  const loaded = el("div", {});
  const pause = el("button", { type: "button", "aria-pressed": "false", onclick: toggle }, "Pause");
  const node = el("div", {},
    el("h1", {}, "Load"), el("div", { class: "buttons" }, pause), tiles, loaded);
  const past = { running: [], waiting: [], speed: [] };
  const names = new Map(); // digest → name:version
  let before = null;
  let timer = null;
  let here = false;
  let paused = false;

  function toggle() {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    next(0);
  }

  function next(wait) {
    clearTimeout(timer);
    if (here && !paused) {
      timer = setTimeout(ask, wait);
    }
  }

  async function ask() {
    if (document.visibilityState === "hidden") {
      next(EVERY);
      return;
    }
    try {
      draw(await get("load"));
      next(EVERY);
    } catch (e) {
      before = null;
      replace(tiles, trouble(e, () => next(0)));
    }
  }

  function draw(now) {
    const took = before === null ? 0 : (now.at - before.at) / 1000;
    const since = (key) => (took > 0 ? Math.max(0, now[key] - before[key]) : null);
    const speed = took > 0 ? since("generation_tokens") / took : null;
    const read = took > 0 ? since("prompt_tokens") / took : null;
    keep(past.running, now.running);
    keep(past.waiting, now.waiting);
    if (speed !== null) {
      keep(past.speed, speed);
    }
    before = now;
    const used = now.key_blocks === 0 ? null : now.key_blocks_used / now.key_blocks;
    const hits = now.prefix_queries === 0 ? null : now.prefix_hits / now.prefix_queries;
    replace(tiles,
      tile("Running", number(now.running), "answers that are made now", line("running")),
      tile("Waiting", number(now.waiting), "answers without room yet", line("waiting")),
      tile("Tokens/s", number(speed), `of answers; ${number(read)} of prompts`, line("speed")),
      tile("Key blocks", percent(used),
        `${number(now.key_blocks_used)} of ${number(now.key_blocks)}, ${now.block_tokens} tokens each`,
        meter("Key blocks in use", used)),
      tile("Prefix hits", percent(hits),
        `${number(now.prefix_hits)} of ${number(now.prefix_queries)} tokens of prompts`,
        meter("Tokens of prompts that were kept", hits)),
      tile("Adapters", number(now.adapters.length),
        `${bytes(now.adapter_bytes)} of ${bytes(now.adapter_budget)}`,
        meter("Memory of adapters in use", now.adapter_bytes / now.adapter_budget)));
    replace(loaded,
      el("h2", {}, "Loaded adapters"),
      now.adapters.length === 0
        ? el("p", { class: "hint" }, "None; an adapter is loaded by its first request.")
        : table("Loaded adapters",
          ["Adapter", "Digest", { number: "Rank" }, { number: "Size" }, { number: "In use by" },
            "Pinned"],
          now.adapters.map((a) => el("tr", {},
            el("th", { scope: "row" }, name(names.get(a.digest) ?? short(a.digest))),
            el("td", {}, el("code", { class: "digest" }, a.digest)),
            el("td", { class: "number" }, number(a.rank)),
            el("td", { class: "number" }, bytes(a.bytes)),
            el("td", { class: "number" }, number(a.leases)),
            el("td", {}, a.pinned ? "yes" : "no")))),
      now.feedback === undefined ? null : feedback(now.feedback));
  }

  /** What users said of captured answers; the server sends numbers alone. */
  function feedback(rows) {
    const counts = ["answers", "liked", "disliked", "corrected", "regenerated", "comments"];
    return [
      el("h2", {}, "Captured in the last day"),
      rows.length === 0
        ? el("p", { class: "hint" }, "Nothing yet; users rate answers by POST /v1/feedback.")
        : table("Captured in the last day",
          ["Adapter", ...counts.map((c) => ({ number: c[0].toUpperCase() + c.slice(1) }))],
          rows.map((r) => el("tr", {},
            el("th", { scope: "row" }, name(r.adapter)),
            counts.map((c) => el("td", { class: "number" }, number(r[c]))))))];
  }

  function keep(values, value) {
    values.push(value);
    if (values.length > MOST) {
      values.shift();
    }
  }

  function line(key) {
    return recent(past[key], MOST, `the last minutes, at most ${number(Math.max(0, ...past[key]))}`);
  }

  function meter(label, share) {
    return el("meter", { "aria-label": label, min: 0, max: 1, value: Math.min(1, share || 0) });
  }

  function tile(title, value, about, drawing) {
    return el("section", { class: "tile" },
      el("h2", {}, title), el("p", { class: "value" }, value), drawing,
      el("p", { class: "hint" }, about));
  }

  async function learn() {
    try {
      for (const model of (await get("models")).data.filter((m) => m.digest)) {
        names.set(model.digest, model.id);
      }
      for (const adapter of (await get("registry/adapters")).data) {
        for (const v of adapter.versions) {
          names.set(v.digest, `${adapter.name}:${v.number}`);
        }
      }
    } catch {
      // digests are shown instead
    }
  }

  return {
    node,
    async show() {
      here = true;
      await learn();
      next(0);
    },
    hide() {
      here = false;
      before = null;
      clearTimeout(timer);
    },
  };
}
