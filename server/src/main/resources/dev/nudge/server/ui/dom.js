// Builds the page. A string that is given as a child becomes a text node, so nothing that a model,
// an adapter or a file says is ever read as HTML; no module of this page sets innerHTML.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element: `el("p", { class: "note", onclick: f }, "text", child)`. */
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Makes an element of a drawing. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") {
      node.addEventListener(name.slice(2), value);
    } else if (value === true) {
      node.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, String(value));
    }
  }
  put(node, children);
  return node;
}

/** Puts children behind those that are there; null and undefined are left out. */
export function put(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child instanceof Node) {
      node.append(child);
    } else if (child !== null && child !== undefined && child !== false) {
      node.append(document.createTextNode(String(child)));
    }
  }
}

/** Says something to everybody, screen readers too, for a while. */
export function say(text, bad) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.toggle("bad", Boolean(bad));
  clearTimeout(said.timer);
  if (!bad) { // what went wrong stays until something else is said
    said.timer = setTimeout(() => (said.textContent = ""), 8000);
  }
}

/** A table that scrolls by itself where the window is narrow, with the keyboard too. */
export function table(caption, heads, rows) {
  const head = heads.map((h) =>
    typeof h === "string"
      ? el("th", { scope: "col" }, h)
      : el("th", { scope: "col", class: "number" }, h.number));
  return el("div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption, "data-at": caption },
    el("table", {},
      el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, head)),
      el("tbody", {}, rows)));
}

/** Text that somebody else wrote, whatever its direction. */
export function name(text, attributes) {
  return el("bdi", attributes, text);
}

/** A view's title, and a button that fetches anew what it shows. */
export function heading(title, again) {
  return el("div", { class: "heading" }, el("h1", {}, title),
    el("button", { type: "button", "data-at": "refresh", onclick: again }, "Refresh"));
}

/**
 * Builds a part anew and leaves the keyboard, and how far tables are scrolled, where they were: at
 * the elements of the same `data-at`.
 */
export function replace(node, ...children) {
  const at = node.contains(document.activeElement) ? document.activeElement.dataset.at : null;
  const scrolled = new Map(
    [...node.querySelectorAll(".scroll")].map((n) => [n.dataset.at, n.scrollLeft]));
  const fresh = el("div", {}, children);
  node.replaceChildren(...fresh.childNodes);
  for (const same of node.querySelectorAll("[data-at]")) {
    same.scrollLeft = scrolled.get(same.dataset.at) ?? 0;
    if (at === same.dataset.at) {
      same.focus();
    }
  }
}
