// Live traffic: the newest on top, a bounded number of rows, a pause that holds and a filter that looks at all kept.

import { byId, el, fill, visible } from "./dom.js";
import { showPdu, markRow } from "./detail.js";
import { localTime } from "./clock.js";
import { chosenCarrier } from "./steer.js";
import { listeners, t } from "./words.js";

const KEPT = 2000;
const SHOWN = 400;
let events = [];
let shownUpTo = 0;
let paused = false;
let dropped = 0;
let isDue = false;
let stream = null;
// (carrier, bind, sequence_number) of a submit_sm -> message id of its answer.
const ids = new Map();

const parts = {};

export const idOf = (event) => event.message_id || ids.get(`${event.carrier}/${event.bind}/${event.sequence_number}`) || "";

function keep(event) {
  events.push(event);
  if (events.length > KEPT) events = events.slice(-KEPT / 2);
  if (event.command === "submit_sm_resp" && event.message_id) {
    ids.set(`${event.carrier}/${event.bind}/${event.sequence_number}`, event.message_id);
    if (ids.size > KEPT) ids.delete(ids.keys().next().value);
  }
  draw();
}

function draw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    paused ? showHeld() : showNew();
  });
}

function matches(event) {
  if (parts.enquires.checked && event.command?.startsWith("enquire_link")) return false;
  const wanted = parts.filter.value.trim().toLowerCase();
  if (!wanted) return true;
  const text = [event.carrier, event.account, event.command, event.status, event.source, event.destination, event.text, event.message_id,
    event.stat, event.system_id, event.remote, `#${event.bind}`].join(" ").toLowerCase();
  return wanted.split(/\s+/).every((each) => text.includes(each));
}

function row(event) {
  const kind = event.direction;
  const isRefused = event.status && event.status !== "ESME_ROK";
  const what = event.command ?? t(kind);
  const cells = [
    el("td", { class: "mono time" }, localTime(new Date(event.at), false)),
    el("td", { class: `way ${kind}`, title: t(kind) }, { in: "←", out: "→" }[kind] ?? "·"),
    el("td", { class: "where" }, `${event.carrier} #${event.bind}`, event.account ? el("span", { class: "quiet" }, ` ${visible(event.account)}`) : ""),
    el("td", { class: "command" }, what, isRefused ? el("span", { class: "tag bad" }, event.status) : "",
      event.error ? el("span", { class: "tag bad" }, t("error")) : "", event.stat ? el("span", { class: event.stat === "DELIVRD" ? "tag good" : "tag warn" }, visible(event.stat)) : ""),
    el("td", { class: "mono pair-of" }, event.source || event.destination ? `${visible(event.source)} → ${visible(event.destination)}` : visible(event.system_id ?? "")),
    el("td", { class: "said" }, event.part ? el("span", { class: "tag" }, event.part.replace(/^part (\d+) of (\d+).*/, "$1/$2")) : "",
      visible(event.stat || event.text ? event.text : event.message_id ? `${event.message_id}` : event.remote && !event.command ? event.remote : "")),
  ];
  const line = el("tr", { tabindex: -1, class: `line ${kind}`, "data-number": event.number }, cells);
  line.event = event;
  return line;
}

function showNew() {
  const fresh = [];
  for (let at = events.length - 1; at >= 0 && events[at].number > shownUpTo && fresh.length < SHOWN; at--) {
    if (matches(events[at])) fresh.push(row(events[at]));
  }
  if (events.length) shownUpTo = events.at(-1).number;
  if (fresh.length) {
    parts.rows.prepend(...fresh);
    while (parts.rows.childElementCount > SHOWN) parts.rows.lastElementChild.remove();
  }
  finish();
}

function showAgain() {
  parts.rows.replaceChildren();
  const held = shownUpTo;
  shownUpTo = 0;
  const all = events;
  if (paused) events = events.filter((event) => event.number <= held);
  showNew();
  events = all;
  if (paused) shownUpTo = held;
  finish();
}

function showHeld() {
  const held = events.filter((event) => event.number > shownUpTo).length;
  parts.held.textContent = held ? t("new_held", held >= KEPT / 2 ? `${held}+` : held) : "";
}

function finish() {
  const first = parts.rows.firstElementChild;
  if (first && !parts.rows.querySelector('[tabindex="0"]')) first.tabIndex = 0;
  parts.held.textContent = "";
  if (paused) showHeld();
  parts.dropped.textContent = dropped ? t("dropped", dropped.toLocaleString()) : "";
  parts.empty.hidden = parts.rows.childElementCount > 0;
  parts.empty.textContent = events.length ? t("nothing_found") : t("nothing_yet", chosenCarrier()?.port ?? "…");
}

function open(line) {
  for (const other of parts.rows.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  line.tabIndex = 0;
  line.focus();
  markRow(line);
  if (line.event.hex) showPdu({ hex: line.event.hex, carrier: line.event.carrier, event: line.event, messageId: idOf(line.event) });
}

function keys(event) {
  const line = event.target.closest("tr.line");
  if (!line) return;
  const next = { ArrowDown: line.nextElementSibling, ArrowUp: line.previousElementSibling }[event.key];
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    open(line);
  } else if (next) {
    event.preventDefault();
    line.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

function setPaused(value) {
  paused = value;
  parts.pause.setAttribute("aria-pressed", String(paused));
  parts.pause.textContent = t(paused ? "go_on" : "hold");
  if (!paused) showNew();
}

function build() {
  const heads = ["time", "", "link", "command", "from_to", "text"];
  parts.filter.placeholder = t("filter_hint");
  parts.filter.setAttribute("aria-label", t("filter"));
  fill(parts.head, el("tr", {}, heads.map((each) => el("th", { scope: "col" }, each ? t(each) : el("span", { class: "hidden-text" }, "↔")))));
  fill(parts.quiet, parts.enquires, ` ${t("hide_enquire")}`);
  parts.clear.textContent = t("clear");
  setPaused(paused);
  showAgain();
}

export function startTraffic() {
  parts.filter = el("input", { type: "search", oninput: () => showAgain() });
  parts.enquires = el("input", { type: "checkbox", checked: true, onchange: () => showAgain() });
  parts.quiet = el("label", { class: "check" });
  parts.pause = el("button", { type: "button", onclick: () => setPaused(!paused) });
  parts.clear = el("button", { type: "button", class: "plain", onclick: () => { events = []; dropped = 0; showAgain(); } });
  parts.held = el("span", { class: "quiet", role: "status" });
  parts.dropped = el("span", { class: "quiet warn-text" });
  parts.head = el("thead");
  parts.rows = el("tbody", { id: "rows", onclick: (event) => event.target.closest("tr.line") && open(event.target.closest("tr.line")), onkeydown: keys });
  parts.empty = el("p", { class: "empty quiet" });
  fill(byId("view-traffic"),
    el("div", { class: "toolbar" }, parts.filter, parts.quiet, parts.pause, parts.clear, parts.held, parts.dropped),
    el("div", { class: "scroll" }, el("table", { class: "lines" }, parts.head, parts.rows), parts.empty));
  listeners.push(build);
  listen();
}

function listen() {
  stream = new EventSource("/api/traffic");
  const take = (event) => keep(JSON.parse(event.data));
  for (const kind of ["pdu", "opened", "closed"]) stream.addEventListener(kind, take);
  stream.addEventListener("dropped", (event) => {
    dropped += JSON.parse(event.data).dropped;
    draw();
  });
  stream.addEventListener("open", () => byId("view-traffic").classList.remove("cut"));
  stream.addEventListener("error", () => byId("view-traffic").classList.add("cut"));
}
