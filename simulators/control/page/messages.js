// What happened, as it is kept by the simulator: found by patterns, also long after it left the live traffic.

import { attempt, get } from "./api.js";
import { byId, el, fill, visible } from "./dom.js";
import { localTime } from "./clock.js";
import { markRow, showPdu } from "./detail.js";
import { chosen } from "./steer.js";
import { listeners, t } from "./words.js";

const LAST = 200;
const KINDS = { submit: ["submit"], mo_kind: ["mo"], receipt_kind: ["receipt"], bind_kind: ["bind", "refused_bind", "unbind", "lost"], all_kinds: [] };
let query = { kind: "submit", destination: "", source: "", text: "", status: "" };
let found = null;
const parts = {};

function row(entry) {
  const isRefused = entry.status !== null && entry.status !== 0;
  const line = el("tr", { class: "line", tabindex: 0 },
    el("td", { class: "mono time", title: entry.at }, localTime(new Date(entry.at), false)),
    el("td", { class: "where" }, entry.kind, " ", el("span", { class: "quiet" }, `${visible(entry.account)} #${entry.bind}`)),
    el("td", { class: "mono pair-of" }, entry.source || entry.destination ? `${visible(entry.source)} → ${visible(entry.destination)}` : ""),
    el("td", { class: "said" }, visible(entry.text)),
    el("td", {}, entry.status === null ? "" : el("span", { class: isRefused ? "tag bad" : "tag good" }, entry.status_name.replace("ESME_R", "")),
      entry.stat ? el("span", { class: entry.stat === "DELIVRD" ? "tag good" : "tag warn" }, visible(entry.stat)) : "",
      entry.fate ? el("span", { class: "tag warn" }, visible(entry.fate)) : ""),
    el("td", { class: "mono" }, visible(entry.message_id)));
  line.entry = entry;
  return line;
}

function open(line) {
  if (!line?.entry.pdu) return;
  markRow(line);
  showPdu({ hex: line.entry.pdu, carrier: line.entry.where, messageId: line.entry.kind === "submit" ? line.entry.message_id : "" });
}

function draw() {
  if (!found) return;
  fill(parts.rows, [...found.entries].reverse().map(row));
  const shown = found.entries.length < found.count ? ` · ${t("shown_last", found.entries.length)}` : "";
  parts.count.textContent = t("found", found.count.toLocaleString()) + shown;
}

export async function showMessages() {
  const words = new URLSearchParams({ where: chosen(), last: LAST, raw: "true" });
  for (const kind of KINDS[query.kind]) words.append("kind", kind);
  for (const name of ["source", "destination", "text", "status"]) if (query[name].trim()) words.append(name, query[name].trim());
  const answer = await attempt(() => get(`/api/entries?${words}`));
  if (!answer) return;
  found = answer;
  draw();
}

function build() {
  const field = (name, label) => el("label", {}, t(label), el("input", { type: "search", value: query[name],
    placeholder: name === "status" ? "0x58" : name === "text" ? "*TD*" : t("pattern_hint"), oninput: (event) => { query[name] = event.target.value; } }));
  const kinds = el("label", {}, t("kinds"), el("select", { onchange: (event) => { query.kind = event.target.value; showMessages(); } },
    Object.keys(KINDS).map((each) => el("option", { value: each, selected: each === query.kind }, t(each)))));
  parts.rows = el("tbody", { onclick: (event) => open(event.target.closest("tr.line")), onkeydown: (event) => {
    if (event.key === "Enter") open(event.target.closest("tr.line"));
  } });
  parts.count = el("span", { class: "quiet", role: "status" });
  const heads = ["time", "kinds", "from_to", "text", "status", "id"];
  fill(byId("view-messages"),
    el("form", { class: "toolbar", onsubmit: (event) => { event.preventDefault(); showMessages(); } },
      kinds, field("source", "sender"), field("destination", "recipient"), field("text", "text"), field("status", "status"),
      el("button", { class: "primary" }, t("find")), parts.count),
    el("div", { class: "scroll" }, el("table", { class: "lines" }, el("thead", {}, el("tr", {}, heads.map((each) => el("th", { scope: "col" }, t(each))))), parts.rows)));
  draw();
}

export function startMessages() {
  listeners.push(build);
}
