// Short links by template and campaign: where they lead, and how many people followed them.

import { useApi, useSite } from "../lib/api.js";
import { Bars } from "../lib/chart.js";
import { html } from "../lib/html.js";
import { Card, Figure, Figures, Filters, Head, Notice, Table, Tag } from "../lib/parts.js";
import { setQuery } from "../lib/router.js";
import { number, percent, t, tOr } from "../lib/words.js";

const DAYS = ["1", "7", "30", "90", "366"];
const MOST_BARS = 8;

const nameOf = (row) => row.campaign || row.template || t("links.no_template");
const keyOf = (row) => JSON.stringify([row.account, row.template, row.campaign, row.message_class]);
const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);

function Choice({ query }) {
  const site = useSite();
  const fields = [
    { name: "days", label: t("links.days"), type: "select", options: DAYS.map((each) => [each, t("links.days.n", { n: each })]) },
    site.accounts.length > 1 && { name: "account", label: t("account"), type: "select", options: [["", t("links.all")], ...site.accounts.map((each) => each.name)] },
    { name: "campaign", label: t("links.campaign"), type: "search", max: 64 },
  ];
  return html`<${Filters} fields=${fields} values=${{ days: "30", ...query }} onChange=${setQuery} />`;
}

function Totals({ rows }) {
  const clicked = sum(rows, "clicked");
  const delivered = sum(rows, "delivered");
  return html`<${Figures}>
    <${Figure} label=${t("links.clicked")} value=${number(clicked)} />
    <${Figure} label=${t("links.rate")} value=${percent(delivered > 0 ? clicked / delivered : null)} note=${t("links.of_delivered", { n: number(delivered) })} />
    <${Figure} label=${t("links.links")} value=${number(sum(rows, "links"))} note=${t("links.links.note")} />
  </${Figures}>`;
}

const columns = () => [
  { key: "campaign", label: t("links.campaign"), main: true, render: (row) => row.campaign || t("links.no_campaign") },
  { key: "template", label: t("links.template"), render: (row) => row.template || "—" },
  { key: "account", label: t("account") },
  { key: "message_class", label: t("links.class"), render: (row) => html`<${Tag}>${tOr(`links.class.${row.message_class}`, row.message_class)}</${Tag}>` },
  { key: "clicked", label: t("links.clicked"), num: true, render: (row) => number(row.clicked) },
  { key: "delivered", label: t("links.delivered"), num: true, render: (row) => number(row.delivered) },
  { key: "click_rate", label: t("links.rate"), num: true, render: (row) => percent(row.click_rate) },
  { key: "links", label: t("links.links"), num: true, render: (row) => number(row.links) },
  { key: "targets", label: t("links.targets"), wide: true, render: (row) => row.targets.join(t("comma")) || "—" },
  { key: "until", label: t("links.until"), render: (row) => row.until.replaceAll("-", "\u2011") || t("links.ended") },
];

function View({ query }) {
  const { days = "30", account = "", campaign = "" } = query;
  const found = useApi("/api/links", { days, account, campaign });
  const report = found.data;
  const bars = (report?.rows || []).filter((row) => row.clicked > 0).slice(0, MOST_BARS).map((row) => ({ label: `${row.account} · ${nameOf(row)}`, value: row.clicked }));
  return html`<${Head} about=${t("links.about")} />
    ${report && !report.is_on && html`<${Notice} kind="info">${t("links.off")}</${Notice}>`}
    <${Choice} query=${query} />
    ${report && report.rows.length > 0 && html`<${Totals} rows=${report.rows} />`}
    <${Card} title=${t("links.by")}>
      ${bars.length > 0 && html`<${Bars} rows=${bars} format=${(value) => number(value)} label=${t("links.clicked")} />`}
      <${Table} label=${t("links.by")} columns=${columns()} of=${found} rows=${report?.rows} rowKey=${keyOf} empty=${t("links.none")} />
      ${report?.more > 0 && html`<p class="hint">${t("links.more", { n: number(report.more) })}</p>`}
      <p class="hint">${t("links.how")}</p>
    </${Card}>`;
}

export default { path: "links", title: "links.title", group: "figures", order: 30, needs: ["GET /api/links"], View };
