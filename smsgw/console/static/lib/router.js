// Where in the console we are: "#/pauses/global?state=active" is the page pauses, args ["global"], query {state: "active"}.

import { useEffect, useState } from "./html.js";
import { urlOf } from "./api.js";

export function parse(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [page = "", ...args] = path.split("/").map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  return { page, args, query: Object.fromEntries(new URLSearchParams(search)) };
}

// For `href`: link(["templates", "t1"], {version: 2}).
export const link = (path, query = {}) => urlOf(`#/${[path].flat().map(encodeURIComponent).join("/")}`, query);

export const go = (path, query) => { location.hash = link(path, query).slice(1); };

// The same page with another query, without a new entry in the history: for filters and tabs.
export function setQuery(changes) {
  const { page, args, query } = parse(location.hash);
  history.replaceState(null, "", link([page, ...args], { ...query, ...changes }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute() {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const moved = () => setRoute(parse(location.hash));
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return route;
}
