// One PDU, decoded: fields, TLVs, header, text, receipt, octets; and a receipt to send for a message.

import { attempt, carrierPath, notice, post } from "./api.js";
import { byId, el, fill, visible } from "./dom.js";
import { listeners, t } from "./words.js";

const STATES = ["DELIVRD", "UNDELIV/001", "EXPIRED", "REJECTD/001", "UNKNOWN", "ENROUTE", "MK:0001", "MBBLACK", "DB:0144"];
const STYLES = ["text", "tlv", "quoted+text", "seconds+text", "nocounts+text", "letters+text", "notext+text", "cut+text", "ucs2+text", "data_sm", "class0"];
let open = null;
let marked = null;

export function markRow(line) {
  marked?.removeAttribute("aria-selected");
  marked = line;
  line?.setAttribute("aria-selected", "true");
}

function shut() {
  byId("detail").hidden = true;
  document.body.classList.remove("with-detail");
  open = null;
  const line = marked;
  markRow(null);
  line?.focus();
}

function table(rows) {
  return el("table", { class: "fields" }, el("tbody", {}, rows.map(([name, value, meaning]) => el("tr", {},
    el("th", { scope: "row" }, name), el("td", {},
      el("span", { class: "mono" }, visible(typeof value === "object" ? JSON.stringify(value) : value)),
      meaning ? el("span", { class: "quiet" }, ` ${visible(meaning)}`) : ""),
  ))));
}

function section(title, ...children) {
  return el("section", {}, el("h3", {}, title), ...children);
}

function hexLines(hex) {
  const lines = [];
  for (let at = 0; at < hex.length; at += 32) {
    const octets = hex.slice(at, at + 32).match(/../g) ?? [];
    const shown = octets.map((octet) => {
      const code = parseInt(octet, 16);
      return code >= 32 && code < 127 ? String.fromCharCode(code) : "·";
    });
    const halves = [octets.slice(0, 8).join(" "), octets.slice(8).join(" ")].join("  ");
    lines.push(`${(at / 2).toString(16).padStart(4, "0")}  ${halves.padEnd(49)} ${shown.join("")}`);
  }
  return lines.join("\n");
}

function receiptForm(carrier, messageId) {
  const state = el("input", { list: "states", value: "DELIVRD", required: true, "aria-label": t("state") });
  const style = el("select", { "aria-label": t("style") }, el("option", { value: "" }, t("usual")), STYLES.map((each) => el("option", { value: each }, each)));
  const other = el("input", { type: "checkbox" });
  const submit = async (event) => {
    event.preventDefault();
    const body = { message_id: messageId, state: state.value, style: style.value, other_bind: other.checked };
    if (await attempt(() => post(carrierPath(carrier, "/receipts"), body))) notice(t("receipt_sent"));
  };
  return section(t("send_receipt"), el("form", { class: "row", onsubmit: submit },
    el("span", { class: "mono" }, visible(messageId)), state, el("datalist", { id: "states" }, STATES.map((each) => el("option", { value: each }))),
    style, el("label", { class: "check" }, other, ` ${t("other_bind")}`), el("button", { class: "primary" }, t("send"))));
}

function show() {
  if (!open) return;
  const { pdu, carrier, messageId } = open;
  const isRefused = pdu.status && pdu.status.number !== 0;
  const isMessage = ["submit_sm", "submit_sm_resp", "data_sm", "data_sm_resp", "submit_multi"].includes(pdu.command);
  const parts = [
    el("div", { class: "row head" }, el("h2", {}, pdu.command || "?"),
      pdu.status ? el("span", { class: isRefused ? "tag bad" : "tag" }, `${pdu.status.name} ${isRefused ? pdu.status.hex : ""}`) : null,
      el("span", { class: "quiet" }, pdu.sequence_number === null ? "" : `#${pdu.sequence_number}`),
      el("button", { type: "button", class: "plain close", "aria-label": t("close"), onclick: shut }, "✕")),
    pdu.error ? el("p", { class: "problem" }, `${t("error")}: ${pdu.error}`) : null,
    pdu.text === null ? null : el("blockquote", {}, visible(pdu.text)),
    pdu.receipt ? section(t("receipt"), table(Object.entries(pdu.receipt).filter(([, value]) => value !== null).map(([name, value]) => [name, String(value)]))) : null,
    messageId && isMessage ? receiptForm(carrier, messageId) : null,
    pdu.fields.length ? section(t("fields"), table(pdu.fields.map((field) => [field.name, field.value, field.meaning]))) : null,
    pdu.udh.length ? section(t("udh"), table(pdu.udh.map((each) => [`${each.identifier} ${each.name}`, each.hex, each.meaning]))) : null,
    pdu.tlvs.length ? section(t("tlvs"), table(pdu.tlvs.map((each) => [`${each.tag} ${each.name}`, each.hex, each.meaning]))) : null,
    section(`${t("octets")} (${pdu.octets})`, el("pre", { class: "mono octets", tabindex: 0 }, hexLines(pdu.hex)),
      el("button", { type: "button", class: "small", onclick: () => attempt(async () => {
        await navigator.clipboard.writeText(pdu.hex);
        notice(t("copied"));
      }) }, t("copy"))),
  ];
  fill(byId("detail"), parts);
}

export async function showPdu({ hex, carrier, event, messageId }) {
  const pdu = await attempt(() => post("/api/decode", { hex }));
  if (!pdu) return;
  open = { pdu, carrier, event, messageId };
  const pane = byId("detail");
  pane.hidden = false;
  document.body.classList.add("with-detail");
  show();
  pane.scrollTop = 0;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !byId("detail").hidden) shut();
});
listeners.push(show);
