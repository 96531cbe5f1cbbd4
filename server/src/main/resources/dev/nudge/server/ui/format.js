// Numbers, times and digests as people read them.

/** A number with few digits: 12,345 · 12.3 · 0.0123 · 3.9e−143. */
export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return "–";
  }
  if (value !== 0 && Math.abs(value) < 1e-4) {
    return value.toExponential(1).replaceAll("-", "−");
  }
  const large = Math.abs(value) >= 10 ** digits;
  const whole = large || Number.isInteger(value);
  const text = whole
    ? Math.round(value).toLocaleString("en")
    : value.toLocaleString("en", { maximumSignificantDigits: digits });
  return text.replace("-", "−");
}

/** 0.1234 → 12.3 %. */
export function percent(share) {
  return share === null || share === undefined || !Number.isFinite(share)
    ? "–"
    : `${number(share * 100)} %`;
}

/** 12345678 → 11.8 MiB. */
export function bytes(count) {
  let value = count ?? NaN;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (!(value >= 1024) || unit === "GiB") {
      return Number.isFinite(value) ? `${number(value)} ${unit}` : "–";
    }
    value /= 1024;
  }
}

/** A duration in seconds: 250 ms · 12 s · 3 min 20 s · 2 h 5 min. */
export function seconds(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return "–";
  }
  if (value < 1) {
    return `${number(value * 1000)} ms`;
  }
  if (value < 100) {
    return `${number(value)} s`;
  }
  const minutes = Math.floor(value / 60);
  return minutes < 100
    ? `${minutes} min ${Math.round(value % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A time as the reader's clock has it, without seconds. */
export function time(at) {
  const date = new Date(at ?? NaN);
  if (Number.isNaN(date.getTime())) {
    return "–";
  }
  const two = (n) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `
    + `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The first digits of a digest, for sentences. */
export function short(digest) {
  return String(digest ?? "–").replace(/^sha256:/, "").slice(0, 12);
}
