// Adapters with their versions, and the aliases that move between them.

import { el, heading, name, replace, say, table } from "./dom.js";
import { Refused, changeable, get, segment } from "./api.js";
import { act, ask, needsKey, trouble } from "./dialogs.js";
import { bytes, number, short, time } from "./format.js";

const NAME = "[A-Za-z0-9]+([._\\-]+[A-Za-z0-9]+)*";

export function adapters() {
  const node = el("div", {});
  const filter = el("input", { id: "filter", type: "search", autocomplete: "off" });
  let path = [];
  let all = [];
  filter.addEventListener("input", () => rows.replaceChildren(...shown()));
  const rows = el("tbody", {});

  async function show(where) {
    path = where;
    try {
      if (path.length === 0) {
        all = (await get("registry/adapters")).data;
        list();
      } else {
        const [one, log, open] = await Promise.all([
          get(`registry/adapters/${segment(path[0])}`),
          get(`registry/adapters/${segment(path[0])}/log`),
          changeable()]);
        detail(one, log.data, open);
      }
    } catch (e) {
      replace(node, el("h1", {}, "Adapters"), trouble(e, () => show(path)));
    }
  }

  function list() {
    const whole = table("Adapters", ["Adapter", "Aliases", { number: "Versions" }, "Newest"], []);
    whole.querySelector("tbody").replaceWith(rows);
    rows.replaceChildren(...shown());
    replace(node,
      heading("Adapters", () => show(path)),
      all.length === 0
        ? el("p", { class: "hint" }, "The registry is empty; nudge adapters push fills it.")
        : [el("div", { class: "field narrow" },
          el("label", { for: "filter" }, "Filter by name"), filter), whole]);
  }

  function shown() {
    const wanted = filter.value.trim().toLowerCase();
    return all.filter((a) => a.name.toLowerCase().includes(wanted)).map((a) => {
      const newest = a.versions[a.versions.length - 1];
      return el("tr", {},
        el("th", { scope: "row" }, el("a", { href: link(a.name) }, name(a.name))),
        el("td", {}, el("span", { class: "tags" }, a.aliases.map((alias) =>
          el("span", { class: "tag" }, name(alias.alias), ` ${alias.version}`, guarded(alias))))),
        el("td", { class: "number" }, number(a.versions.length)),
        el("td", {}, newest ? `${newest.number} · ${time(newest.created)}` : "–"));
    });
  }

  function link(adapter) {
    return `#adapters/${segment(adapter)}`;
  }

  function detail(adapter, log, open) {
    const button = (at, text, onclick, disabled) =>
      el("button", { type: "button", "data-at": at, onclick, disabled }, text);
    replace(node,
      el("p", { class: "back" }, el("a", { href: "#adapters" }, "All adapters")),
      heading(name(adapter.name), () => show(path)),
      el("h2", {}, "Aliases"),
      adapter.aliases.length === 0
        ? el("p", { class: "hint" }, "No alias yet.")
        : table("Aliases", ["Alias", { number: "Version" }, ...(open ? ["Change"] : []), "Since", "By", "Why"],
          adapter.aliases.map((a) => el("tr", {},
            el("th", { scope: "row" }, name(a.alias), guarded(a)),
            el("td", { class: "number" }, number(a.version), unusable(a)),
            open
              ? el("td", { class: "buttons" },
                button(`move ${a.alias}`, ["Move", unseen(` ${a.alias}`)], () => move(adapter, a)),
                button(`back ${a.alias}`, ["Roll back", unseen(` ${a.alias}`)],
                  () => rollback(adapter, a), a.before === null))
              : null,
            el("td", {}, time(a.at)),
            el("td", {}, name(a.by)),
            el("td", { class: "wide" }, name(a.why ?? "–"))))),
      open
        ? el("div", { class: "buttons" }, button("new", "New alias", () => move(adapter, null)))
        : needsKey("Moving an alias"),
      el("h2", {}, "Versions"),
      table("Versions",
        [{ number: "Version" }, "State", "Aliases", "Digest", "Base", { number: "Rank" },
          { number: "Size" }, "Created", "By", "Parent"],
        adapter.versions.toReversed().map((v) => version(adapter, v))),
      el("h2", {}, "History"),
      table("History", ["When", "What", "By", "Why"],
        log.toReversed().map((e) => el("tr", {},
          el("td", {}, time(e.at)),
          el("td", {}, what(adapter, e)),
          el("td", {}, name(e.by)),
          el("td", { class: "wide" }, name(e.why ?? "–"))))));
  }

  /** An alias at a version that this server cannot serve. */
  function unusable(alias) {
    return alias.unusable
      ? el("p", { class: "hint" }, alias.answers ? `version ${alias.answers} answers: ` : "",
        name(alias.unusable))
      : null;
  }

  /** Whether a version was trained on another base than the one where an alias is. */
  function isOther(adapter, alias, v) {
    const at = adapter.versions.find((one) => one.number === alias?.version);
    return Boolean(at?.base && v?.base && at.base !== v.base);
  }

  /** Asks whether a move may go to another base, where some versions are of one. */
  function baseField(others) {
    return others
      ? [{ name: "any_base", label: "Another base", type: "choice", choices: [
        { value: "no", label: "refuse" }, { value: "yes", label: "move anyway" }] }]
      : [];
  }

  /** Such an alias goes only to versions that a gate has passed. */
  function guarded(alias) {
    return alias.protected ? " (protected)" : null;
  }

  function unseen(text) {
    return el("span", { class: "unseen" }, text);
  }

  function version(adapter, v) {
    const at = adapter.aliases.filter((a) => a.version === v.number);
    return el("tr", {},
      el("th", { scope: "row", class: "number" }, number(v.number)),
      el("td", {}, el("span", { class: `state ${v.state}` }, v.state)),
      el("td", {}, el("span", { class: "tags" },
        at.map((a) => el("span", { class: "tag" }, name(a.alias))))),
      el("td", {}, el("code", { class: "digest" }, v.digest)),
      el("td", {}, v.base_name ? [name(v.base_name), el("br")] : null,
        el("code", {}, v.base ? short(v.base) : "–")),
      el("td", { class: "number" }, number(v.rank)),
      el("td", { class: "number" }, bytes(v.bytes)),
      el("td", {}, time(v.created)),
      el("td", {}, name(v.by ?? "–")),
      el("td", {}, v.parent ? numbered(adapter, v.parent) : "–"));
  }

  /** A version by its digest, as people know it. */
  function numbered(adapter, digest) {
    const known = adapter.versions.find((v) => v.digest === digest);
    return known ? `version ${known.number}` : short(digest);
  }

  function what(adapter, e) {
    switch (e.event) {
      case "push":
        return `version ${e.version} registered`;
      case "alias":
      case "rollback": {
        const verb = e.event === "rollback" ? "rolled back" : "moved";
        const from = e.from ? ` from ${numbered(adapter, e.from)}` : "";
        return [name(e.alias), e.to ? ` ${verb}${from} to version ${e.version}` : " taken away"];
      }
      case "state":
        return `version ${e.version} ${e.from} → ${e.to}`;
      case "report":
        return [`version ${e.version} has a report, `, name(e.report?.name ?? "")];
      case "protect":
        return [name(e.alias), " protected: it goes only to versions that a gate has passed"];
      case "unprotect":
        return [name(e.alias), " not protected any more"];
      case "remove":
        return `version ${e.version} removed`;
      default:
        return name(e.event);
    }
  }

  async function move(adapter, alias) {
    const free = adapter.versions.toReversed()
      .filter((v) => v.state !== "blocked" && v.number !== alias?.version);
    const others = free.filter((v) => isOther(adapter, alias, v)); // after those of its base
    const choices = [...free.filter((v) => !others.includes(v)), ...others].map((v) => ({
      value: String(v.number),
      label: `${v.number} (${v.state}, ${time(v.created)}${others.includes(v) ? ", another base" : ""})` }));
    const fields = [
      { name: "version", label: "To version", type: "choice", choices },
      ...baseField(others.length > 0),
      { name: "why", label: "Reason", type: "area", hint: "It stands in the history." }];
    if (alias === null) {
      fields.unshift({ name: "alias", label: "Alias", type: "text", pattern: NAME,
        hint: "Letters, digits, and . _ - between them" });
    }
    const answer = await ask({
      title: alias ? `Move ${adapter.name}@${alias.alias}` : `New alias of ${adapter.name}`,
      text: alias
        ? `It is at version ${alias.version}. New requests get the new version at once; answers under way keep theirs.`
        : null,
      fields,
      yes: alias ? "Move" : "Make the alias",
    });
    if (answer !== null) {
      const to = alias?.alias ?? answer.alias;
      await change(`registry/adapters/${segment(adapter.name)}/aliases/${segment(to)}`, {
        version: Number(answer.version),
        expected: alias?.version ?? null,
        any_base: answer.any_base === "yes",
        why: answer.why,
      }, (version) => `${adapter.name}@${to} is at version ${version} now.`);
    }
  }

  async function rollback(adapter, alias) {
    const before = adapter.versions.find((v) => v.number === alias.before);
    const answer = await ask({
      title: `Roll back ${adapter.name}@${alias.alias}`,
      text: `From version ${alias.version} back to version ${alias.before}, at once.`,
      fields: [...baseField(isOther(adapter, alias, before)),
        { name: "why", label: "Reason", type: "area", hint: "It stands in the history." }],
      yes: "Roll back",
    });
    if (answer !== null) {
      await change(
        `registry/adapters/${segment(adapter.name)}/aliases/${segment(alias.alias)}/rollback`,
        { expected: alias.version, any_base: answer.any_base === "yes", why: answer.why },
        (version) => `${adapter.name}@${alias.alias} is at version ${version} again.`);
    }
  }

  async function change(to, body, done) {
    let refused = null;
    let answer = null;
    try {
      answer = await act(to, body);
    } catch (e) {
      if (!(e instanceof Refused)) {
        throw e;
      }
      refused = e;
    }
    if (answer !== null || refused !== null) {
      await show(path); // before it is said: what is clicked next is what is there now
      say(refused?.message ?? done(answer.version), refused !== null);
    }
  }

  return { node, show };
}
