// Drawings: lines over steps, intervals around zero, and the last minutes of a number.

import { svg } from "./dom.js";
import { number } from "./format.js";

/** Round values from `low` to `high`, some four of them. */
export function ticks(low, high, wanted = 4) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) {
    return [low];
  }
  const rough = span / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const all = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    all.push(i * step);
  }
  return all;
}

function shown(value) {
  return number(Math.abs(value) < 1e-12 ? 0 : Number(value.toPrecision(6)), 4);
}

/**
 * Lines of runs over each other.
 *
 * @param runs `{ name, train, smooth, held_out }`, each a list of `[step, loss]`
 */
export function losses(runs, label) {
  const [width, height, left, right, top, bottom] = [720, 320, 56, 12, 12, 44];
  const firm = runs.flatMap((r) => [...r.smooth, ...r.held_out]);
  if (firm.length === 0) {
    return null;
  }
  const raw = runs.length === 1 ? runs[0].train.map((p) => p[1]).sort((a, b) => a - b) : [];
  const values = firm.map((p) => p[1]);
  if (raw.length > 0) { // one step that went wild leaves the rest readable
    values.push(raw[0], raw[Math.ceil(0.98 * raw.length) - 1]);
  }
  const last = Math.max(...firm.map((p) => p[0]), 1);
  const pad = (Math.max(...values) - Math.min(...values) || 0.1) * 0.05;
  const low = Math.min(...values) - pad;
  const high = Math.max(...values) + pad;
  const x = (step) => left + (step / last) * (width - left - right);
  const y = (loss) => top + (1 - (loss - low) / (high - low)) * (height - top - bottom);
  const line = (points, kind) => svg("polyline", { class: kind,
    points: points.map((p) => `${x(p[0]).toFixed(1)},${y(p[1]).toFixed(1)}`).join(" ") });
  const plot = `plot-${Math.random().toString(36).slice(2)}`;
  const clip = svg("clipPath", { id: plot },
    svg("rect", { x: left - 5, y: 0, width: width - left - right + 10, height: height - bottom }));
  const drawn = svg("g", { "clip-path": `url(#${plot})` });
  runs.forEach((run, i) => {
    const colour = `colour-${i % 8}`;
    if (runs.length === 1) {
      drawn.append(line(run.train, `raw ${colour}`));
    }
    drawn.append(line(run.smooth, `smooth ${colour}`));
    const dots = runs.length === 1 ? "colour-1" : colour;
    for (const [step, loss] of run.held_out) {
      drawn.append(svg("circle", { class: `dot ${dots}`, cx: x(step), cy: y(loss), r: 4 }));
    }
  });
  return svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": label },
  ticks(low, high, 6).map((t) => [
    svg("line", { class: "grid", x1: left, x2: width - right, y1: y(t), y2: y(t) }),
    svg("text", { x: left - 8, y: y(t) + 4, "text-anchor": "end" }, shown(t))]),
  ticks(0, last, 6).map((t) =>
    svg("text", { x: x(t), y: height - 26, "text-anchor": "middle" }, shown(t))),
  svg("text", { x: width - right, y: height - 6, "text-anchor": "end" }, "step"),
  clip, drawn);
}

/**
 * Differences with their intervals around zero.
 *
 * @param rows `{ name, value, low, high }`; an end that is null is open
 * @param margin half the width of what counts as no difference, or null
 */
export function intervals(rows, { margin, label, show }) {
  const [width, left, right, row, top] = [640, 20, 20, 44, 8];
  const height = top + row * rows.length + 26;
  const ends = rows.flatMap((r) => [r.value, r.low, r.high]).filter((v) => Number.isFinite(v));
  const far = Math.max(...ends.map(Math.abs), margin ?? 0, 1e-9) * 1.12;
  const x = (v) => left + ((Math.min(Math.max(v, -far), far) + far) / (2 * far))
    * (width - left - right);
  const bottom = top + row * rows.length;
  return svg("svg", { class: "chart intervals", viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": label },
  margin ? svg("rect", { class: "margin", x: x(-margin), width: x(margin) - x(-margin), y: top,
    height: bottom - top }) : null,
  ticks(-far, far, 4).map((t) => [
    svg("line", { class: "grid", x1: x(t), x2: x(t), y1: top, y2: bottom }),
    svg("text", { x: x(t), y: bottom + 18, "text-anchor": "middle" }, show(t))]),
  svg("line", { class: "zero", x1: x(0), x2: x(0), y1: top, y2: bottom }),
  rows.map((r, i) => {
    const y = top + row * i + 29;
    const low = Number.isFinite(r.low) ? r.low : -far;
    const high = Number.isFinite(r.high) ? r.high : far;
    return [
      svg("text", { class: "row", x: left, y: y - 13 }, r.name),
      svg("line", { class: `interval ${r.kind ?? ""}`, x1: x(low),
        x2: x(high), y1: y, y2: y }),
      Number.isFinite(r.value)
        ? svg("circle", { class: `point ${r.kind ?? ""}`, cx: x(r.value), cy: y, r: 5 })
        : null];
  }));
}

/** The last values of a number, the newest at the right edge. */
export function recent(values, most, label) {
  const [width, height] = [240, 48];
  const high = Math.max(...values, 1e-9);
  const points = values.map((v, i) =>
    `${(width - ((values.length - 1 - i) / (most - 1)) * width).toFixed(1)},`
    + `${(height - 2 - (v / high) * (height - 6)).toFixed(1)}`);
  return svg("svg", { class: "recent", viewBox: `0 0 ${width} ${height}`, role: "img",
    preserveAspectRatio: "none", "aria-label": label },
  svg("line", { class: "grid", x1: 0, x2: width, y1: height - 2, y2: height - 2 }),
  svg("polyline", { class: "smooth colour-0", points: points.join(" ") }));
}
