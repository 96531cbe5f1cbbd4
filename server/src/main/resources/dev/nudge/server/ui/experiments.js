// Experiments: what they say so far, with intervals that may be looked at all the time.

import { el, heading, name, replace, say, table } from "./dom.js";
import { Refused, changeable, get, segment } from "./api.js";
import { act, ask, needsKey, trouble } from "./dialogs.js";
import { intervals } from "./chart.js";
import { number, percent, short, time } from "./format.js";

/** Marks of an axis, in the unit of what is compared: `%`, `s` or none. */
function marks(unit) {
  return (v) => (unit === "%" ? percent(v) : number(v) + (unit ? ` ${unit}` : ""));
}

/** What a report has written, with the minus of texts; `-` alone is a number that is not known. */
function written(text) {
  return text.replaceAll(/-(?=\d)/g, "−").replaceAll("-", "–");
}

/** `no difference` → `no-difference`, for the style sheet. */
function kind(word) {
  return `verdict ${String(word).replaceAll(" ", "-").replace(/[^a-z-]/g, "")}`;
}

export function experiments() {
  const node = el("div", {});
  let path = [];

  async function show(where) {
    path = where;
    try {
      if (path.length === 0) {
        list((await get("experiments")).data);
      } else {
        detail(...(await Promise.all([get(`experiments/${segment(path[0])}`), changeable()])));
      }
    } catch (e) {
      replace(node, el("h1", {}, "Experiments"), trouble(e, () => show(path)));
    }
  }

  function list(all) {
    replace(node,
      heading("Experiments", () => show(path)),
      all.length === 0
        ? el("p", { class: "hint" }, "No experiment yet; nudge experiments create begins one.")
        : table("Experiments",
          ["Experiment", "Verdict", "Kind", "State", { number: "Units" }, { number: "Requests" },
            "Since"],
          all.map((x) => el("tr", {},
            el("th", { scope: "row" },
              el("a", { href: `#experiments/${segment(x.name)}` }, name(x.name))),
            el("td", {}, verdict(x)),
            el("td", {}, mode(x)),
            el("td", {}, x.state),
            el("td", { class: "number" }, number(x.units)),
            el("td", { class: "number" }, number(x.requests)),
            el("td", {}, time(x.created))))));
  }

  function mode(x) {
    const words = { ab: "A/B", canary: "canary", shadow: "shadow" };
    return (words[x.mode] ?? x.mode) + (x.percent === undefined ? "" : `, ${x.percent} %`);
  }

  function verdict(x) {
    return el("span", { class: kind(x.verdict.state) },
      x.verdict.arm ? [name(x.verdict.arm), " is "] : null, x.verdict.state);
  }

  function detail(x, open) {
    replace(node,
      el("p", { class: "back" }, el("a", { href: "#experiments" }, "All experiments")),
      heading(name(x.name), () => show(path)),
      el("p", {}, verdict(x), " ", name(x.verdict.reason)),
      x.stopped ? stopped(x) : null,
      el("dl", { class: "facts" },
        fact("Kind", mode(x)), fact("State", x.state), fact("Since", time(x.created)),
        fact("Units", number(x.units)), fact("Requests", number(x.requests)),
        fact("Decides", `${x.metric_name}; ${x.more_is_better ? "more" : "less"} is better`),
        fact("Wrong verdicts", `at most ${percent(x.alpha)}`),
        fact("Least sample", `${number(x.min_sample)} units an arm`),
        x.mode === "shadow" ? null : fact("Division of units", division(x.sample_ratio))),
      el("h2", {}, [x.metric_name, ", difference from ", name(x.arms[0].name)]),
      differences(x),
      el("h2", {}, "Arms"),
      table("Arms", ["Arm", "Adapter", { number: "Weight" }, { number: "Units" },
        { number: "Requests" }, ...x.arms[0].figures.map((f) => ({ number: f.name }))],
      x.arms.map(arm)),
      el("h2", {}, "Guardrails"),
      x.guardrails.length === 0
        ? el("p", { class: "hint" }, "None.")
        : table("Guardrails", ["Watched", "Arm", { number: "Tolerated" }, { number: "p" }, "Says"],
          x.guardrails.map((g) => el("tr", {},
            el("th", { scope: "row" }, name(g.metric)),
            el("td", {}, name(g.arm)),
            el("td", { class: "number" }, `+${percent(g.tolerance)}`),
            el("td", { class: "number" }, number(g.p_adjusted)),
            el("td", {}, g.alarm ? el("span", { class: kind("worse") }, "alarm") : "no alarm")))),
      x.pairs ? pairs(x) : null,
      x.state !== "running"
        ? null
        : open
          ? el("div", { class: "buttons" }, el("button", { type: "button", "data-at": "stop",
            onclick: () => stop(x) }, "Stop the experiment"))
          : needsKey("Stopping the experiment"));
  }

  function fact(term, text) {
    return el("div", {}, el("dt", {}, term), el("dd", {}, text));
  }

  function stopped(x) {
    const s = x.stopped;
    return el("p", { class: s.rolled_back || s.rollback_error ? "trouble" : "hint" },
      `Stopped ${time(s.at)}: `, name(s.reason), "; ", name(s.arm), " answers now.",
      s.rolled_back ? [" Rolled back: ", name(s.rolled_back), "."] : null,
      s.rollback_error ? [" The rollback failed: ", name(s.rollback_error)] : null);
  }

  function division(ratio) {
    if (ratio.degrees === 0) {
      return "too few units to say";
    }
    return ratio.alarm
      ? `not by the weights (p ${number(ratio.p)}): no verdict`
      : `by the weights (p\u00a0${number(ratio.p)})`;
  }

  /** Arms whose units are too few have a sentence, and nothing is drawn of them. */
  function differences(x) {
    const known = x.comparisons.filter((c) => c.note === null);
    const few = x.comparisons.filter((c) => c.note !== null);
    return [
      few.map((c) => el("p", { class: "hint few" }, name(c.arm), ": ", name(c.note), ".")),
      known.length === 0 ? null : [
        el("figure", {}, drawing(x, known),
          el("figcaption", { class: "hint" },
            "Point: difference so far; bar: interval that holds however often one looks",
            x.equivalence
              ? `; shaded: a difference of at most ${marks(x.unit)(x.equivalence)} is none.`
              : ".")),
        table("Differences", ["Arm", { number: "Difference" }, { number: "Interval" },
          { number: "p" }, { number: "Chance it is better" }],
        known.map((c) => el("tr", {},
          el("th", { scope: "row" }, name(c.arm)),
          el("td", { class: "number" }, written(c.difference_text)),
          el("td", { class: "number" }, written(c.interval_text)),
          el("td", { class: "number" }, number(c.p_adjusted)),
          el("td", { class: "number" },
            c.chance_higher === null ? "–" : percent(c.chance_higher)))))]];
  }

  function drawing(x, known) {
    const rows = known.map((c) => {
      const above = c.low !== null && c.low > 0;
      const below = c.high !== null && c.high < 0;
      const good = x.more_is_better ? above : below;
      return { name: c.arm, value: c.difference, low: c.low, high: c.high,
        kind: good ? "good" : above || below ? "bad" : "" };
    });
    const label = known.map((c) => `${c.arm}: difference ${c.difference_text}, `
      + `interval ${c.interval_text}`).join("; ");
    return intervals(rows, { margin: x.equivalence, label, show: marks(x.unit) });
  }

  function arm(a) {
    return el("tr", {},
      el("th", { scope: "row" }, name(a.name)),
      el("td", {}, name(a.adapter), el("br"), el("code", {}, a.digest ? short(a.digest) : "base")),
      el("td", { class: "number" }, number(a.weight)),
      el("td", { class: "number" }, number(a.units)),
      el("td", { class: "number" }, number(a.requests)),
      a.figures.map((f) => el("td", { class: "number" }, written(f.text))));
  }

  function pairs(x) {
    const p = x.pairs;
    return [
      el("h2", {}, "Pairs"),
      el("dl", { class: "facts" },
        fact("Pairs of answers", number(p.count)),
        fact("Second preferred", number(p.wins)),
        fact("First preferred", number(p.losses)),
        fact("Neither", number(p.ties)),
        fact("Equal answers", p.equal_answers === null ? "–" : percent(p.equal_answers)),
        fact("Second longer by", p.longer_by === null ? "–" : `${number(p.longer_by)} tokens`))];
  }

  async function stop(x) {
    const answer = await ask({
      title: `Stop ${x.name}`,
      text: "No more requests take part. The experiment's name stands for one arm from then on.",
      fields: [
        { name: "arm", label: "Arm that answers from now on", type: "choice",
          choices: x.arms.map((a) => ({ value: a.name, label: `${a.name} (${a.adapter})` })) },
        { name: "reason", label: "Reason", type: "area" }],
      yes: "Stop the experiment",
    });
    if (answer === null) {
      return;
    }
    let refused = null;
    let stopped = null;
    try {
      stopped = await act(`experiments/${segment(x.name)}/stop`, answer);
    } catch (e) {
      if (!(e instanceof Refused)) {
        throw e;
      }
      refused = e;
    }
    if (stopped !== null || refused !== null) {
      await show(path);
      say(refused?.message ?? `${x.name} has stopped; ${answer.arm} answers now.`, refused !== null);
    }
  }

  return { node, show };
}
