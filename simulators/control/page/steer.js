// The side: which carrier, its counts and connections, and what can be done to them; the form for MO.

import { ask, attempt, carrierPath, notice, post } from "./api.js";
import { byId, el, fillIfNew, visible } from "./dom.js";
import { refresh, views } from "./page.js";
import { listeners, t } from "./words.js";

const FLOODS = ["enquire_link", "mo", "receipt", "unknown"];
let name = "";
let last = null;

export const chosen = () => name;
export const chosenCarrier = () => last?.carriers.find((each) => each.name === name);

function carrierButton(carrier) {
  const isChosen = carrier.name === name;
  return el("button", { type: "button", role: "radio", class: "choice", "aria-checked": String(isChosen), "data-key": `c-${carrier.name}`,
    onclick: () => {
      name = carrier.name;
      showSteering(last);
      if (!byId("view-settings").hidden) views.settings();
      if (!byId("view-messages").hidden) views.messages();
    } },
  el("span", { class: "name" }, carrier.name),
  el("span", { class: "quiet" }, t("port", carrier.port)),
  el("span", { class: carrier.bound ? "tag good" : "tag" }, t("bound", carrier.bound)));
}

function count(label, value, kind = "") {
  return el("div", { class: `count ${kind}` }, el("b", {}, Number(value ?? 0).toLocaleString()), el("span", {}, t(label)));
}

function counts(carrier) {
  const has = carrier.counts;
  return [
    count("submits", has.submits), count("accepted", has.ok), count("refused", has.failed, has.failed ? "bad" : ""),
    count("receipts", has.dlr_sent), count("waiting", carrier.receipts_waiting), count("mos", has.mo_sent),
    ...Object.entries(has.status ?? {}).map(([status, number]) => el("div", { class: "count wide bad" },
      el("b", {}, Number(number).toLocaleString()), el("span", {}, status))),
  ];
}

async function act(request) {
  const done = await attempt(() => post(carrierPath(name, "/links"), request));
  if (done) notice(t("done_to", done.connections));
  await refresh();
}

const actions = (bind, which, label = "") => which.map((action) => el("button", {
  type: "button", class: action === "drop" ? "small danger" : "small", "data-key": `${action}-${bind}`,
  "aria-label": label ? `${t(action)} ${label}` : null,
  onclick: () => act({ do: action, bind }),
}, t(action)));

function linkRow(link) {
  const tags = [link.account ? null : "unbound", link.silent ? "silent" : null].filter(Boolean);
  return el("li", { class: "link" },
    el("div", { class: "row" }, el("b", {}, `#${link.bind}`), el("span", { class: "name" }, visible(link.account)),
      el("span", { class: "tag" }, link.state.replace("BOUND_", "")), tags.map((tag) => el("span", { class: "tag warn" }, t(tag)))),
    el("div", { class: "quiet small-text" }, link.remote,
      link.unanswered_in ? ` · ${t("open_in", link.unanswered_in)}` : "", link.unanswered_out ? ` · ${t("open_out", link.unanswered_out)}` : ""),
    el("div", { class: "row" }, actions(link.bind, ["drop", "half_open", "pause", "resume", "unbind"], `#${link.bind}`)));
}

async function fault(path, body) {
  const done = await attempt(() => post(carrierPath(name, path), body));
  if (done) notice("sent" in done ? t("sent", done.sent) : t("done_to", done.connections));
  await refresh();
}

async function refuseBinds(status) {
  const done = await attempt(() => ask("PATCH", carrierPath(name, "/settings"), { binds: { refuse: status } }));
  if (done) notice(t("applied"));
  if (!byId("view-settings").hidden) views.settings();
}

function faults() {
  const kind = el("select", { "aria-label": t("flood_kind") }, FLOODS.map((each) => el("option", { value: each }, each)));
  const number = el("input", { type: "number", min: 1, max: 100000, value: 100, "aria-label": t("flood_count"), required: true });
  const octets = el("input", { "aria-label": t("raw"), placeholder: "00000010 00000015 00000000 00000007", required: true, class: "mono" });
  const submit = (action) => (event) => {
    event.preventDefault();
    action();
  };
  return el("details", {}, el("summary", {}, t("more")),
    el("div", { class: "row" },
      el("button", { type: "button", onclick: () => refuseBinds("0x0D") }, t("refuse_binds")),
      el("button", { type: "button", onclick: () => refuseBinds(0) }, t("take_binds")),
      el("button", { type: "button", onclick: () => fault("/malformed", {}) }, t("malformed"))),
    el("form", { class: "row", onsubmit: submit(() => fault("/flood", { kind: kind.value, count: Number(number.value) })) },
      kind, number, el("button", {}, t("flood"))),
    el("form", { class: "row", onsubmit: submit(() => fault("/raw", { hex: octets.value })) },
      octets, el("button", {}, t("send_raw"))));
}

const SAMPLES = {
  sample_short: "TD",
  sample_chinese: "您好，请问几点开门？",
  sample_emoji: "收到了👍🎉 谢谢！",
  sample_long: "我收到的订单和描述不一样，颜色不对，尺码也偏小，请问怎么办理退货？".repeat(4),
};
// Characters of GSM 03.38 that a tester types; whatever else is there makes it UCS2.
const GSM = /^[A-Za-z0-9 \r\n@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!"#¤%&'()*+,\-./:;<=>?¡ÄÖÑÜ§¿äöñüà^{}\\[~\]|€]*$/;

function sizeOf(text) {
  const isGsm = GSM.test(text);
  const units = isGsm ? text.length + (text.match(/[\^{}\\[~\]|€]/g)?.length ?? 0) : text.length;
  const [alone, joined] = isGsm ? [160, 153] : [70, 67];
  const parts = units <= alone ? 1 : Math.ceil(units / joined);
  return `${t("characters", [...text].length, isGsm ? "GSM 03.38" : "UCS2")} · ${parts === 1 ? t("segments_1") : t("segments_n", parts)}`;
}

function makeMoForm() {
  const form = byId("mo");
  const kept = Object.fromEntries([...form.elements].filter((each) => each.name).map((each) => [each.name, each.value]));
  const source = el("input", { name: "source", value: kept.source ?? "13800138000", required: true, maxlength: 20, inputmode: "tel" });
  const destination = el("input", { name: "destination", value: kept.destination ?? "10690001", required: true, maxlength: 20, inputmode: "tel" });
  const account = el("input", { name: "account", value: kept.account ?? "", placeholder: t("any_account"), list: "accounts" });
  const text = el("textarea", { name: "text", rows: 3, required: true, maxlength: 20000, value: kept.text ?? "TD" });
  const size = el("p", { class: "quiet small-text", role: "status" }, sizeOf(text.value));
  text.addEventListener("input", () => { size.textContent = sizeOf(text.value); });
  form.onsubmit = async (event) => {
    event.preventDefault();
    const body = { source: source.value, destination: destination.value, text: text.value, account: account.value };
    const done = await attempt(() => post(carrierPath(name, "/mo"), body));
    if (done) notice(t("sent", done.sent));
    await refresh();
  };
  form.replaceChildren(
    el("div", { class: "pair" }, el("label", {}, t("from"), source), el("label", {}, t("to"), destination)),
    el("label", {}, t("text"), text), size,
    el("div", { class: "row" }, el("span", { class: "quiet" }, t("sample")), Object.entries(SAMPLES).map(([label, sample]) =>
      el("button", { type: "button", class: "small", onclick: () => { text.value = sample; size.textContent = sizeOf(sample); } }, t(label)))),
    el("label", {}, t("account"), account), el("datalist", { id: "accounts" }),
    el("button", { class: "primary" }, t("send")));
}

function showAccounts() {
  const known = [...new Set((chosenCarrier()?.links ?? []).map((link) => link.account).filter(Boolean))];
  fillIfNew(byId("accounts"), known, () => known.map((each) => el("option", { value: each })));
}

export function showSteering(state) {
  last = state;
  if (!state) return;
  if (!state.carriers.some((carrier) => carrier.name === name)) name = state.carriers[0]?.name ?? "";
  const carrier = chosenCarrier();
  if (!carrier) return;
  const here = t("bound");
  fillIfNew(byId("carriers"), [here, name, state.carriers.map((each) => [each.name, each.port, each.bound])],
    () => state.carriers.map(carrierButton));
  fillIfNew(byId("counts"), [here, carrier.counts, carrier.receipts_waiting], () => counts(carrier));
  const links = carrier.links.map(({ heard_s, ...rest }) => rest);
  const box = byId("links");
  if (!box.firstChild) box.append(el("ul", { class: "plain-list" }), el("div", { id: "all-links" }), el("div", { id: "faults" }));
  fillIfNew(box.firstChild, [here, name, links], () => links.length ? links.slice(0, 50).map(linkRow)
    : [el("li", { class: "quiet" }, t("no_links", `${carrier.host}:${carrier.port}`))]);
  fillIfNew(byId("all-links"), [here, links.length > 1], () => links.length > 1
    ? [el("div", { class: "row all" }, el("span", { class: "quiet" }, t("all")), actions(0, ["drop", "half_open", "pause", "resume"], t("all")))] : []);
  fillIfNew(byId("faults"), [here, name], () => [faults()]);
  showAccounts();
}

listeners.push(makeMoForm);
