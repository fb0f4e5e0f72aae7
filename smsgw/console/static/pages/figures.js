// Statistics by any groups, and what they cost: totals, a chart, a table, a file.

import { download, useApi, useSite } from "../lib/api.js";
import { Bars, Chart } from "../lib/chart.js";
import { html } from "../lib/html.js";
import { Card, Figure, Figures, Filters, Head, Notice, Table, Tabs } from "../lib/parts.js";
import { setQuery } from "../lib/router.js";
import { asDate, duration, money, number, percent, siteZone, t, tOr } from "../lib/words.js";

const GROUPS = ["carrier", "account", "department", "province", "message_class", "template", "campaign", "signature", "day", "hour"];
const COST_GROUPS = ["department", "account", "carrier", "message_class", "template", "campaign", "province", "day"];
const CLASSES = ["otp", "notice", "marketing"];
const SPANS = { day: 1, week: 7, month: 31, quarter: 92 };
const MOST_BARS = 12;
// Columns only where there is something to tell.
const RARE = ["unsubscribed", "complained", "clicked", "mo", "expired", "unknown"];

const dayBefore = (days) => new Intl.DateTimeFormat("sv-SE", { timeZone: siteZone() }).format(new Date(Date.now() - days * 86_400_000));
const groupText = (name, value) => (value === "" ? t("figures.unknown") : name === "message_class" ? tOr(`figures.class.${value}`, value) : value);
const labelOf = (row) => Object.entries(row.group).map(([name, value]) => groupText(name, value)).join(" · ");
const seconds = (latencies, at) => (latencies?.[at] === undefined || latencies[at] === null ? "—" : duration(latencies[at] / 1000));

function questionOf(query, groups) {
  const by = [query.by || groups[0], query.then || ""].filter((each, index, all) => groups.includes(each) && all.indexOf(each) === index);
  const { account = "", carrier = "", department = "", message_class = "" } = query;
  return { by: by.join(","), since: query.since || dayBefore(SPANS.week), until: query.until || "", account, carrier, department, message_class };
}

function Choice({ query, groups }) {
  const site = useSite();
  const options = (names, label) => [["", t("figures.all")], ...names.map((each) => (label ? [each, label(each)] : [each, each]))];
  const named = (names) => names.map((each) => [each, t(`figures.by.${each}`)]);
  const fields = [
    { name: "by", label: t("figures.by"), type: "select", options: named(groups) },
    { name: "then", label: t("figures.then"), type: "select", options: [["", "—"], ...named(groups)] },
    { name: "since", label: t("figures.since"), type: "date" },
    { name: "until", label: t("figures.until"), type: "date" },
    { name: "message_class", label: t("figures.by.message_class"), type: "select", options: options(CLASSES, (each) => t(`figures.class.${each}`)) },
    site.accounts.length > 1 && { name: "account", label: t("figures.by.account"), type: "select", options: options(site.accounts.map((each) => each.name)) },
    site.departments.length > 1 && { name: "department", label: t("figures.by.department"), type: "select", options: options(site.departments) },
    site.carriers.length > 1 && { name: "carrier", label: t("figures.by.carrier"), type: "select", options: options(site.carriers) },
  ];
  const values = { ...query, by: query.by || groups[0], since: query.since || dayBefore(SPANS.week) };
  return html`<${Filters} fields=${fields} values=${values} onChange=${setQuery} />`;
}

const Spans = ({ query }) => html`${Object.entries(SPANS).map(([name, days]) => html`<button type="button" class="small quiet" key=${name}
  onClick=${() => setQuery({ ...query, since: dayBefore(days), until: "" })}>${t(`figures.span.${name}`)}</button>`)}`;

const groupColumns = (by) => by.map((name, index) => ({
  key: name, label: t(`figures.by.${name}`), main: index === 0, render: (row) => html`<span class="whole">${groupText(name, row.group[name])}</span>`,
}));
const countColumn = (name) => ({ key: name, label: t(`figures.count.${name}`), num: true, render: (row) => number(row.counts[name]) });
const keyOf = (row) => JSON.stringify(row.group);

function Totals({ total }) {
  const { counts, codes } = total;
  return html`<${Figures}>
    <${Figure} label=${t("figures.count.accepted")} value=${number(counts.accepted)} note=${t("figures.of_refused", { n: number(counts.refused) })} />
    <${Figure} label=${t("figures.count.delivered")} value=${number(counts.delivered)} note=${percent(total.delivered_of_final)} kind=${total.delivered_of_final !== null && total.delivered_of_final < 0.9 ? "warn" : ""} />
    <${Figure} label=${t("figures.codes")} value=${percent(codes.share)} note=${t("figures.codes.note", { n: number(codes.within_30_s), of: number(codes.delivered) })} />
    <${Figure} label=${t("figures.count.unsubscribed")} value=${number(counts.unsubscribed)} note=${t("figures.complained", { n: number(counts.complained) })} />
    ${counts.clicked !== undefined && html`<${Figure} label=${t("figures.count.clicked")} value=${number(counts.clicked)} />`}
    <${Figure} label=${t("figures.answer")} value=${seconds(total.latencies.answer_ms, 1)} note=${t("figures.receipt", { time: seconds(total.latencies.receipt_ms, 1) })} />
  </${Figures}>`;
}

// Over time as lines, else the largest groups as bars.
function Drawing({ report, value, format, label }) {
  const clock = report.by.find((each) => each === "day" || each === "hour");
  if (!clock || new Set(report.rows.map((row) => row.group[clock])).size < 2) {
    const rows = report.rows.map((row) => ({ label: labelOf(row), value: value(row) })).filter((row) => row.value > 0);
    rows.sort((one, other) => other.value - one.value);
    return rows.length > 0 ? html`<${Bars} rows=${rows.slice(0, MOST_BARS)} format=${format} label=${label} />` : null;
  }
  const at = (row) => asDate(`${row.group[clock]}${clock === "day" ? " 00:00" : ""}`).getTime() / 1000;
  const rest = (row) => Object.entries(row.group).filter(([name]) => name !== clock).map(([name, each]) => groupText(name, each)).join(" · ") || label;
  const x = [...new Set(report.rows.map(at))].sort((one, other) => one - other);
  const names = [...new Set(report.rows.map(rest))].slice(0, 6);
  const values = (name) => x.map((each) => report.rows.filter((row) => at(row) === each && rest(row) === name).reduce((sum, row) => sum + value(row), 0));
  return html`<${Chart} x=${x} series=${names.map((name) => ({ label: name, values: values(name) }))} label=${label} format=${format} precision=${clock === "day" ? "day" : "minute"} />`;
}

function failedText(row) {
  const found = Object.entries(row.failed_by).sort(([, one], [, other]) => other - one);
  return found.map(([name, count]) => `${name ? tOr(`figures.failed.${name}`, name) : t("figures.unknown")} ${number(count)}`).join(t("comma"));
}

function Statistics({ query }) {
  const question = questionOf(query, GROUPS);
  const found = useApi("/api/figures", question);
  const report = found.data;
  const columns = report && [
    ...groupColumns(report.by), countColumn("accepted"), countColumn("refused"), countColumn("sent_segments"), countColumn("delivered"), countColumn("failed"),
    { key: "share", label: t("figures.share"), num: true, render: (row) => percent(row.delivered_of_final) },
    { key: "failed_by", label: t("figures.failed_by"), wide: true, render: failedText },
    ...RARE.filter((name) => report.total?.counts[name] > 0).map(countColumn),
    { key: "codes", label: t("figures.codes"), num: true, render: (row) => percent(row.codes.share) },
    { key: "receipt", label: t("figures.receipt_p95"), num: true, render: (row) => seconds(row.latencies.receipt_ms, 1) },
    { key: "cost", label: t("figures.cost"), num: true, render: (row) => money(row.cost) },
  ];
  const save = () => download("/api/figures.csv", question, "figures.csv");
  return html`<${Choice} query=${query} groups=${GROUPS} />
    ${report?.total && html`<${Totals} total=${report.total} />`}
    <${Card} title=${t("figures.statistics")} actions=${html`<${Spans} query=${query} /><button type="button" class="small" onClick=${save}>${t("figures.csv")}</button>`}>
      <${Missing} found=${found} />
      ${report?.total && html`<${Drawing} report=${report} value=${(row) => row.counts.delivered} format=${(value) => number(value)} label=${t("figures.count.delivered")} />`}
      ${!isMissing(found) && html`<div class="scroll" tabindex="0" role="region" aria-label=${t("figures.statistics")}>
        <${Table} label=${t("figures.statistics")} columns=${columns || []} of=${found} rows=${report?.rows} rowKey=${keyOf} empty=${t("figures.none")} /></div>`}
      <p class="hint">${t("figures.how")}</p>
    </${Card}>`;
}

function Costs({ query }) {
  const question = questionOf(query, COST_GROUPS);
  const found = useApi("/api/figures/cost", question);
  const report = found.data;
  const columns = report && [
    ...groupColumns(report.by),
    { key: "segments", label: t("figures.segments"), num: true, render: (row) => number(row.segments) },
    { key: "cost", label: t("figures.cost"), num: true, render: (row) => money(row.cost) },
    { key: "share", label: t("figures.cost_share"), num: true, render: (row) => percent(row.share) },
    { key: "each", label: t("figures.cost_each"), num: true, render: (row) => number(row.cost_per_segment, 4) },
    { key: "delivered", label: t("figures.count.delivered"), num: true, render: (row) => number(row.delivered) },
    { key: "per", label: t("figures.cost_delivered"), num: true, render: (row) => number(row.cost_per_delivered, 4) },
  ];
  const save = () => download("/api/figures/cost.csv", question, "costs.csv");
  return html`<${Choice} query=${query} groups=${COST_GROUPS} />
    ${report?.total && html`<${Figures}>
      <${Figure} label=${t("figures.cost")} value=${money(report.total.cost)} />
      <${Figure} label=${t("figures.segments")} value=${number(report.total.segments)} />
      <${Figure} label=${t("figures.cost_each")} value=${number(report.total.cost_per_segment, 4)} />
      <${Figure} label=${t("figures.cost_delivered")} value=${number(report.total.cost_per_delivered, 4)} />
    </${Figures}>`}
    <${Card} title=${t("figures.costs")} actions=${html`<${Spans} query=${query} /><button type="button" class="small" onClick=${save}>${t("figures.csv")}</button>`}>
      <${Missing} found=${found} />
      ${report?.total && html`<${Drawing} report=${report} value=${(row) => row.cost} format=${money} label=${t("figures.cost")} />`}
      ${!isMissing(found) && html`<${Table} label=${t("figures.costs")} columns=${columns || []} of=${found} rows=${report?.rows} rowKey=${keyOf} empty=${t("figures.none")} />`}
    </${Card}>`;
}

// Nothing was ever taken into an archive: no error, only a beginning.
const isMissing = (found) => found.error?.status === 404;
const Missing = ({ found }) => (isMissing(found) ? html`<${Notice} kind="info">${t("figures.no_archive")}</${Notice}>` : null);

function View({ query }) {
  const chosen = query.tab === "costs" ? "costs" : "statistics";
  const tabs = [["statistics", t("figures.statistics")], ["costs", t("figures.costs")]];
  const choose = (tab) => setQuery({ ...query, tab: tab === "costs" ? tab : "", by: "", then: "" });
  return html`<${Head} about=${t("figures.about")} />
    <${Tabs} tabs=${tabs} chosen=${chosen} onChoose=${choose} label=${t("figures.title")}>
      ${chosen === "costs" ? html`<${Costs} query=${query} />` : html`<${Statistics} query=${query} />`}
    </${Tabs}>`;
}

export default { path: "figures", title: "figures.title", group: "figures", order: 10, needs: ["GET /api/figures"], View };
