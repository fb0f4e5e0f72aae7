// Finding messages, and one whole: where it is, every step, both legs PDU by PDU.

import { post, useSite } from "../lib/api.js";
import { html, useState } from "../lib/html.js";
import { MessageView } from "../lib/message.js";
import { ruleText, stepText } from "../lib/message_words.js";
import { Card, Form, Head, Id, State, Table, Text, Time } from "../lib/parts.js";
import { go } from "../lib/router.js";
import { number, t, tOr } from "../lib/words.js";

const CLASSES = ["otp", "notice", "marketing"];
const STEPS = ["accepted", "refused", "held", "parked", "sent", "answered", "receipt", "retried", "rerouted", "expired", "cancelled", "unknown", "failed", "mo", "optout", "complained"];
const OUR_ID = /^[0-9a-f]{20}(\.[0-9a-f]{4})?$/;

function fields(site) {
  const any = (names) => [["", t("messages.any")], ...names];
  return [
    { name: "number", label: t("messages.number"), inputmode: "tel", placeholder: "13800138000", max: 40 },
    { name: "message_id", label: t("messages.id"), max: 40 },
    { name: "carrier_message_id", label: t("messages.carrier_id"), max: 100 },
    { name: "account", label: t("messages.account"), type: "select", options: any(site.accounts.map((each) => each.name)) },
    { name: "carrier", label: t("messages.carrier"), type: "select", options: any(site.carriers) },
    { name: "message_class", label: t("messages.class"), type: "select", options: any(CLASSES.map((each) => [each, t(`messages.class.${each}`)])) },
    { name: "step", label: t("messages.step"), type: "select", options: any(STEPS.map((each) => [each, stepText(each)])) },
    { name: "rule", label: t("messages.rule"), placeholder: "optout", max: 60 },
    { name: "template", label: t("messages.template"), max: 60 },
    { name: "province", label: t("messages.province"), placeholder: "广东", max: 20 },
    { name: "since", label: t("messages.since"), type: "datetime" },
    { name: "until", label: t("messages.until"), type: "datetime" },
  ];
}

const columns = [
  { key: "at", label: () => t("messages.at"), main: true, render: (row) => html`<${Time} at=${row.at} />` },
  { key: "step", label: () => t("messages.step"), render: (row) => html`${stepText(row.step)}${row.rule && html` <span class="quiet">${ruleText(row)}</span>`}` },
  { key: "now", label: () => t("messages.outcome"), render: (row) => (row.state ? html`<${State} of=${row.state} kind=${row.state === "DELIVERED" ? "good" : "bad"} />` : row.last_step === row.step ? "" : stepText(row.last_step)) },
  { key: "number", label: () => t("messages.number"), render: (row) => html`<code>${row.number}</code>` },
  { key: "account", label: () => t("messages.account") },
  { key: "class", label: () => t("messages.class"), render: (row) => (row.message_class ? tOr(`messages.class.${row.message_class}`, row.message_class) : "") },
  { key: "signature", label: () => t("messages.signature"), render: (row) => row.signature && html`<${Text}>${row.signature}</${Text}>` },
  { key: "carrier", label: () => t("messages.carrier") },
  { key: "template", label: () => t("messages.template"), render: (row) => row.template && html`<${Text}>${row.template}</${Text}>` },
  { key: "id", label: () => t("messages.id"), render: (row) => row.message_id && html`<${Id} of=${row.message_id} />` },
];

// What was found stays while one message is looked at and left again; never in an address, for a number may be in it.
let kept = null;

function Search() {
  const site = useSite();
  const [found, setFound] = useState(kept);
  const keep = (made) => { kept = made; setFound(made); };
  const run = async (values) => {
    const id = values.message_id.trim().toLowerCase();
    if (OUR_ID.test(id)) { go(["messages", id]); return; }
    const page = await post("/api/messages/search", values);
    keep({ values, items: page.items, next: page.next, since: page.since, until: page.until });
  };
  const more = async () => {
    const page = await post("/api/messages/search", { ...found.values, after: found.next });
    keep({ ...found, items: [...found.items, ...page.items], next: page.next });
  };
  const shown = columns.map((column) => ({ ...column, label: column.label() }));
  return html`<${Head} about=${t("messages.about")} />
    <${Card}><${Form} fields=${fields(site)} run=${run} submit=${t("messages.find")} inline=${true} /></${Card}>
    ${found && html`<${Card} title=${t("messages.found", { n: number(found.items.length) })}>
      <p class="hint"><${Time} at=${found.since} precision="minute" /> – <${Time} at=${found.until} precision="minute" /></p>
      <${Table} label=${t("messages.list")} columns=${shown} rows=${found.items} rowKey=${(row, index) => `${row.message_id}${index}`}
        onOpen=${(row) => row.message_id && go(["messages", row.message_id])} empty=${t("messages.none")} />
      ${found.next && html`<div class="buttons"><button type="button" onClick=${more}>${t("messages.more")}</button></div>`}
    </${Card}>`}`;
}

const View = ({ args }) => (args[0] ? html`<${MessageView} id=${args[0]} key=${args[0]} />` : html`<${Search} />`);

export default { path: "messages", title: "messages.title", group: "messages", order: 10, needs: ["POST /api/messages/search"], View };
