// Requests to the control port, and the line that says what became of them.

import { byId } from "./dom.js";

export class Refused extends Error {}

export async function ask(method, path, body) {
  const options = { method, headers: {} };
  if (method !== "GET") {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body ?? {});
  }
  const answer = await fetch(path, options);
  const kind = answer.headers.get("Content-Type") ?? "";
  const value = kind.startsWith("application/json") ? await answer.json() : await answer.text();
  if (!answer.ok) throw new Refused(value.error ?? `${answer.status} ${answer.statusText}`);
  return value;
}

export const get = (path) => ask("GET", path);
export const post = (path, body) => ask("POST", path, body);
export const carrierPath = (name, rest = "") => `/api/carriers/${encodeURIComponent(name)}${rest}`;

let hiding = 0;
export function notice(text, isError = false) {
  const line = byId("notice");
  line.textContent = text;
  line.classList.toggle("bad", isError);
  line.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { line.hidden = true; }, isError ? 12000 : 4000);
}

// Runs an action of a button or form; what is refused is shown, never thrown away.
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    notice(error.message, true);
    return undefined;
  }
}
