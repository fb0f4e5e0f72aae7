// Requests to /api: the header beside the cookie, errors as sentences, and back to signing in when the session is over.

import { useCallback, useEffect, useRef, useState } from "./html.js";
import { currentLanguage, t, tOr } from "./words.js";

let session = null;
let site = { accounts: [], departments: [], carriers: [], tiers: [] };
const lost = new Set();

export const currentSession = () => session;
export const setSession = (found) => { session = found; };
export const useSite = () => site;
export const setSite = (found) => { site = found; };
export const onLost = (call) => { lost.add(call); };

// May this person do the request, such as "POST /api/pauses"? Paths with {names} as in /openapi.json.
export function may(...requests) {
  return session !== null && (!session.rights || requests.every((request) => session.rights.includes(request)));
}

export class ApiError extends Error {
  // `lines`: of a list, its wrong lines.
  constructor(status, sentence, lines = []) {
    super(status ? `${tOr(`status.${status}`, t("status.other"))}${sentence ? t("status.joined", { sentence }) : ""}` : sentence);
    this.status = status;
    this.sentence = sentence;
    this.lines = lines;
  }
}

// What the server says of an error, in the language of the page.
function refused(status, problem, otherwise) {
  const zh = currentLanguage() === "zh";
  const lines = (problem.lines || []).map((each) => ({ ...each, why: (zh && each.why_zh) || each.why }));
  return new ApiError(status, (zh && problem.error_zh) || problem.error || otherwise, lines);
}

export function urlOf(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

// How many answers are awaited, for tests and whoever watches the page from outside.
let asking = 0;
const awaited = (change) => { asking += change; document.documentElement.dataset.asking = asking; };

// The raw answer of a request that went well. Throws ApiError.
export async function send(method, path, options = {}) {
  awaited(1);
  try {
    return await sent(method, path, options);
  } finally {
    awaited(-1);
  }
}

async function sent(method, path, { query, body, list, signal }) {
  const headers = {};
  if (method !== "GET" && session) headers["X-CSRF-Token"] = session.csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (list !== undefined) headers["Content-Type"] = "text/csv";
  let answer;
  try {
    answer = await fetch(urlOf(path, query), {
      method, headers, signal, body: list !== undefined ? list : body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, t("error.network"));
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401 && session) {
    session = null;
    lost.forEach((call) => call());
  }
  throw refused(answer.status, problem, answer.statusText);
}

export const get = async (path, query, signal) => (await send("GET", path, { query, signal })).json();
export const post = async (path, body = {}, query) => (await send("POST", path, { body, query })).json();
export const put = async (path, body, query) => (await send("PUT", path, { body, query })).json();
export const patch = async (path, body, query) => (await send("PATCH", path, { body, query })).json();

// A list from a file: its octets as they are, for the server knows UTF-8 and GB 18030.
export const upload = async (path, file, query) => (await send("POST", path, { list: file, query })).json();

// An answer as a file of this browser.
export async function download(path, query, name, method = "GET", body = undefined) {
  const blob = await (await send(method, path, { query, body })).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// What GET `path` answers, for a View: {data, error, loading, reload}. `path` null asks nothing.
// `everyS` asks again while the tab is seen; what was shown stays until the new answer is there.
export function useApi(path, query = {}, { everyS = 0 } = {}) {
  const url = path === null ? null : urlOf(path, query);
  const [state, setState] = useState({ data: null, error: null, loading: url !== null, url });
  const asked = useRef(null);
  const ask = useCallback(async () => {
    asked.current?.abort();
    if (url === null) return;
    const control = new AbortController();
    asked.current = control;
    setState((old) => ({ data: old.url === url ? old.data : null, error: null, loading: true, url }));
    try {
      const data = await get(url, {}, control.signal);
      if (asked.current === control) setState({ data, error: null, loading: false, url });
    } catch (error) {
      if (asked.current !== control || error.name === "AbortError") return;
      setState((old) => ({ data: old.data, error, loading: false, url }));
    }
  }, [url]);
  useEffect(() => {
    ask();
    const timer = everyS ? setInterval(() => { if (!document.hidden) ask(); }, everyS * 1000) : 0;
    return () => { clearInterval(timer); asked.current?.abort(); asked.current = null; };
  }, [ask, everyS]);
  return { ...state, reload: ask };
}
