// Speaks to the server that the page came from. A key is kept in this module's memory alone: it is
// in no cookie, no storage and no address, and gone when the page is.

const ROOT = new URL("../v1/", import.meta.url);
let key = null;
let told = () => {};

/** What the server said no with. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Keeps a key, or forgets it where it is null. */
export function useKey(given) {
  key = given || null;
  told(key !== null);
}

/** Whether there is a key. */
export function hasKey() {
  return key !== null;
}

/** Calls `f` with whether there is a key whenever that changes. */
export function onKey(f) {
  told = f;
}

async function send(method, path, body, signal) {
  const headers = {};
  if (key !== null) {
    headers.Authorization = `Bearer ${key}`;
  }
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(new URL(path, ROOT), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: "no-store",
      credentials: "omit",
    });
  } catch (e) {
    throw e.name === "AbortError" ? e : new Refused(0, "unreachable", "the server does not answer");
  }
  if (!response.ok) {
    const error = await response.json().then((r) => r.error, () => null);
    throw new Refused(response.status, error?.code ?? null,
      error?.message ?? `the server answers ${response.status}`);
  }
  return response;
}

/** Fetches an object. */
export async function get(path) {
  return (await send("GET", path)).json();
}

/** Sends an object and gets one. */
export async function post(path, body) {
  return (await send("POST", path, body)).json();
}

/** Sends an object and gives each event of the answer's stream; the first value is the headers. */
export async function* stream(path, body, signal) {
  const response = await send("POST", path, body, signal);
  yield response.headers;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    yield* events(reader);
  } finally {
    reader.cancel().catch(() => {}); // it is cut off, or there is nothing left of it
  }
}

async function* events(reader) {
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += (value ?? "").replaceAll("\r", "");
    const whole = rest.split("\n\n");
    rest = whole.pop();
    for (const event of whole) {
      const data = event.split("\n").filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart()).join("\n");
      if (data === "[DONE]") {
        return;
      }
      if (data !== "") {
        const object = JSON.parse(data);
        if (object.error) {
          throw new Refused(200, object.error.code, object.error.message);
        }
        yield object;
      }
    }
    if (done) {
      throw new Refused(0, "cut_off", "the stream ended before the answer did");
    }
  }
}

/** Whether the server lets anybody move aliases and stop experiments, with a key or without. */
export async function changeable() {
  return (await get("../version")).changes !== "none";
}

/** A segment of a path. */
export function segment(text) {
  return encodeURIComponent(text);
}
