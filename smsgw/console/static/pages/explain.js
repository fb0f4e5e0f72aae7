// What would become of a message: every rule's result, the route, the caps. Nothing is sent or counted.

import { post, useSite } from "../lib/api.js";
import { html, useState } from "../lib/html.js";
import { Card, Facts, Form, Head, Notice, Table, Tag, Text, Time } from "../lib/parts.js";
import { currentLanguage, number, t, tOr } from "../lib/words.js";

const KINDS = { passes: "good", holds: "warn", refuses: "bad", "not asked": "" };
const inWords = (of, field) => (currentLanguage() === "zh" && of[`${field}_zh`]) || of[field];
const Says = ({ of }) => html`<${Tag} kind=${KINDS[of]}>${tOr(`explain.says.${of.replace(" ", "_")}`, of)}</${Tag}>`;

function fieldsOf(site) {
  return [
    { name: "account", label: t("account"), type: "select", required: true, options: site.accounts.map((each) => each.name) },
    { name: "number", label: t("explain.number"), required: true, inputmode: "tel", placeholder: "13800138000", max: 40 },
    { name: "text", label: t("explain.text"), type: "textarea", rows: 3, required: true, wide: true, hint: t("explain.text.hint") },
    { name: "source", label: t("explain.source"), hint: t("explain.source.hint"), max: 20 },
    { name: "campaign", label: t("explain.campaign"), max: 64 },
    { name: "tier", label: t("explain.tier"), type: "select", options: [["", t("explain.tier.known")], ...site.tiers] },
    { name: "at", label: t("explain.at"), type: "datetime", hint: t("explain.at.hint") },
  ];
}

function Verdict({ of }) {
  const kind = KINDS[of.review ? "holds" : of.verdict];
  return html`<${Notice} kind=${kind}><strong>${of.review ? t("explain.reviewed", { by: of.review }) : tOr(`explain.verdict.${of.verdict}`, of.verdict)}</strong>
    ${of.reason && html`<p>${inWords(of, "reason")}${of.detail ? ` (${of.detail})` : ""} <code>${of.status}</code></p>`}
    ${of.remedy && html`<p>${t("explain.remedy")} ${inWords(of, "remedy")}</p>`}
    ${of.until && html`<p>${t("explain.until")} <${Time} at=${of.until} /></p>`}
    ${of.retry_after_s ? html`<p>${t("explain.retry", { n: number(of.retry_after_s) })}</p>` : null}</${Notice}>`;
}

function Rules({ rules }) {
  const columns = [
    { key: "rule", label: t("explain.rule"), main: true, render: (row) => html`<span class="note">${row.rule || ""}</span> ${inWords(row, "title")}` },
    { key: "says", label: t("explain.result"), render: (row) => html`<${Says} of=${row.says} />` },
    { key: "looked_at", label: t("explain.looked_at"), wide: true, render: (row) => html`<${Text}>${row.looked_at}</${Text}>${row.says !== "passes" && row.says !== "not asked" && html`
      <div><strong>${inWords(row, "reason")}</strong></div>`}${inWords(row, "hints").map((hint) => html`<div class="note">${hint}</div>`)}` },
  ];
  return html`<${Card} title=${t("explain.rules")}><${Table} label=${t("explain.rules")} columns=${columns} rows=${rules} rowKey=${(row) => `${row.rule} ${row.name}`} /></${Card}>`;
}

function Answer({ of }) {
  const ways = of.carriers.map((each) => `${each.name}${each.why_not ? ` (${each.why_not})` : each.binds_up === null ? "" : ` (${t("explain.binds", { n: each.binds_up })})`}`);
  const price = of.carriers.find((each) => each.name === of.carrier)?.cost;
  const full = (each) => html`<${Tag} kind=${each.full ? "bad" : "good"}>${number(each.seen ?? each.used)} / ${number(each.limit)}</${Tag}>`;
  return html`<${Verdict} of=${of} />
    <${Card} title=${t("explain.found")}><${Facts} of=${[
      [t("class"), html`${t(`class.${of.class}`)}${of.class !== of.declared_class ? html` <${Tag} kind="warn">${t("explain.declared", { name: t(`class.${of.declared_class}`) })}</${Tag}>` : ""}`],
      [t("explain.number"), html`<code>${of.to}</code>`], [t("explain.network"), of.network], [t("explain.source"), html`<code>${of.from}</code>`],
      [t("explain.signature"), of.signature && `【${of.signature}】`], [t("explain.template"), of.template], [t("explain.campaign"), of.campaign], [t("explain.tier"), of.tier],
      [t("explain.segments"), number(of.segments)], [t("explain.price"), price > 0 && number(price, 4)], [t("explain.route"), of.route], [t("explain.carrier"), of.carrier], [t("explain.ways"), ways.join(t("comma"))],
      [t("explain.at"), html`<${Time} at=${of.at} />`], [t("explain.answer"), html`<code>${of.answer_status}</code>`],
    ]} />
    ${of.caps.length + of.quotas.length > 0 && html`<h3>${t("explain.caps")}</h3><ul class="limits">
      ${of.caps.map((each) => html`<li key=${each.name}>${each.name} <span class="note">${each.period}</span> ${full(each)}</li>`)}
      ${of.quotas.map((each) => html`<li key=${each.period}>${tOr(`explain.quota.${each.period}`, each.period)} ${full(each)}</li>`)}</ul>`}
    ${of.nearly.length > 0 && html`<p class="note">${t("explain.nearly", { routes: of.nearly.map((each) => `${each.route} (${each.condition})`).join(t("comma")) })}</p>`}
    </${Card}>
    <${Rules} rules=${of.rules} />`;
}

function View() {
  const site = useSite();
  const [found, setFound] = useState(null);
  const run = async ({ at, ...values }) => setFound(await post("/api/explain", { ...values, at: at.replace("T", " ") }));
  return html`<${Head} about=${t("explain.about")} />
    <${Card}><${Form} fields=${fieldsOf(site)} run=${run} submit=${t("explain.run")} /></${Card}>
    <div aria-live="polite" class="stack">${found && html`<${Answer} of=${found} />`}</div>`;
}

export default { path: "explain", title: "explain.title", group: "messages", order: 20, needs: ["POST /api/explain"], View };
