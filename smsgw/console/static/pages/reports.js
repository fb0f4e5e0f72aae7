// Reports: a month of each department, the signed one for supervisors, the export of an incident.

import { currentSession, download, may, post, useApi, useSite } from "../lib/api.js";
import { Bars } from "../lib/chart.js";
import { html, useState } from "../lib/html.js";
import { Card, Change, Facts, Field, Figure, Figures, Filters, Head, Id, Notice, Problem, Table, Tabs, Text } from "../lib/parts.js";
import { setQuery } from "../lib/router.js";
import { currentLanguage, money, number, percent, t, tOr } from "../lib/words.js";

const MONTHLY = "GET /api/reports/monthly";
const AUDIT = "GET /api/reports/audit";
const INCIDENT = "POST /api/reports/incident";
const KINDS = ["account", "template", "campaign", "carrier", "signature"];
// Complaints are counted in ten thousandths.
const rate = (share) => percent(share, share > 0 && share < 0.001 ? 4 : 2);

// Buttons that fetch files: `files` [[label, path, name]], the report's language beside them.
function Files({ files, query, body }) {
  const [language, setLanguage] = useState(currentLanguage());
  const [busy, setBusy] = useState("");
  const [error, setError] = useState(null);
  const fetchOne = async (path, name, more) => {
    setBusy(name);
    setError(null);
    try {
      await download(path, { ...query, ...more, language }, name, body ? "POST" : "GET", body);
    } catch (found) {
      setError(found);
    }
    setBusy("");
  };
  return html`<${Card} title=${t("reports.files")}>
    <div class="filters"><${Field} field=${{ name: "language", label: t("reports.language"), type: "select", options: [["zh", "中文"], ["en", "English"]] }}
      value=${language} onInput=${setLanguage} /></div>
    <div class="buttons">${files.map(([label, path, name, more]) => html`<button type="button" key=${name} aria-disabled=${String(busy !== "")}
      aria-busy=${busy === name ? "true" : undefined} onClick=${() => busy || fetchOne(path, name, more)}>${label}</button>`)}</div>
    <${Problem} error=${error} />
  </${Card}>`;
}

const change = (now, before, isShare) => {
  if (now === null || before === null || before === undefined) return "";
  if (isShare) return t("reports.points", { change: `${now >= before ? "+" : ""}${((now - before) * 100).toFixed(2)}` });
  return before ? t("reports.change", { change: `${now >= before ? "+" : ""}${((now / before - 1) * 100).toFixed(1)}` }) : "";
};

function Overview({ of: { counts, before, rates, rates_before: then, score, score_before: scoreBefore } }) {
  const one = (key, value, shown, was, isShare) => html`<${Figure} key=${key} label=${t(`reports.${key}`)} value=${shown} note=${change(value, was, isShare)} />`;
  return html`<${Figures}>
    ${one("accepted", counts.accepted, number(counts.accepted), before.accepted)}
    ${one("delivered", counts.delivered, number(counts.delivered), before.delivered)}
    ${one("delivery", rates.delivery, rate(rates.delivery), then.delivery, true)}
    ${one("codes", rates.codes, rate(rates.codes), then.codes, true)}
    ${one("unsubscribes", rates.unsubscribes, rate(rates.unsubscribes), then.unsubscribes, true)}
    ${one("complaints", counts.complained, number(counts.complained), before.complained)}
    ${one("clicks", rates.clicks, rate(rates.clicks), then.clicks, true)}
    ${one("violations", counts.violations, number(counts.violations), before.violations)}
    ${one("cost", counts.cost, money(counts.cost), before.cost)}
    <${Figure} label=${t("reports.score")} value=${number(score.score, 1)} note=${scoreBefore === null ? "" : t("reports.score.before", { score: number(scoreBefore, 1) })} />
  </${Figures}>`;
}

function Monthly({ query }) {
  const { month = "", department = "" } = query;
  const site = useSite();
  const found = useApi("/api/reports/monthly", { month, department });
  const report = found.data;
  const nobody = (row) => row.name || t("reports.nobody");
  const columns = [
    { key: "name", label: t("reports.department"), main: true, render: nobody },
    { key: "accepted", label: t("reports.accepted"), num: true, render: (row) => number(row.counts.accepted) },
    { key: "sent", label: t("reports.segments"), num: true, render: (row) => number(row.counts.sent_segments) },
    { key: "delivery", label: t("reports.delivery"), num: true, render: (row) => rate(row.rates.delivery) },
    { key: "codes", label: t("reports.codes"), num: true, render: (row) => rate(row.rates.codes) },
    { key: "unsubscribes", label: t("reports.unsubscribes"), num: true, render: (row) => rate(row.rates.unsubscribes) },
    { key: "complained", label: t("reports.complaints"), num: true, render: (row) => number(row.counts.complained) },
    { key: "clicks", label: t("reports.clicks"), num: true, render: (row) => rate(row.rates.clicks) },
    { key: "violations", label: t("reports.violations"), num: true, render: (row) => number(row.counts.violations) },
    { key: "cost", label: t("reports.cost"), num: true, render: (row) => money(row.counts.cost) },
    { key: "score", label: t("reports.score"), num: true, render: (row) => html`<strong>${number(row.score.score, 1)}</strong>` },
  ];
  const parts = [
    { key: "department", label: t("reports.department"), main: true, render: (row) => row.department },
    { key: "name", label: t("reports.part"), render: (row) => t(`reports.${row.name}`) },
    { key: "rate", label: t("reports.rate"), num: true, render: (row) => rate(row.rate) },
    { key: "bounds", label: t("reports.bounds"), num: true, render: (row) => `${rate(row.zero)} → ${rate(row.full)}` },
    { key: "points", label: t("reports.points_of"), num: true, render: (row) => (row.points === null ? null : `${number(row.points, 2)} / ${number(row.weight, 2)}`) },
  ];
  const scored = report?.departments.filter((each) => each.score.score !== null) || [];
  const name = `smsgw-monthly-${report?.month || month}`;
  return html`<${Filters} values=${{ month: month || report?.month || "", department }} onChange=${(values) => setQuery({ ...query, ...values })} fields=${[
      { name: "month", label: t("reports.month"), type: "month", placeholder: "2026-10" },
      { name: "department", label: t("reports.department"), type: "select", options: [["", t("reports.all")], ...site.departments] },
    ]} />
    ${report && !report.over && html`<${Notice} kind="warn">${t("reports.running")}</${Notice}>`}
    ${report && html`<${Overview} of=${report.total} />`}
    <${Card} title=${report ? t("reports.of_month", { month: report.month }) : t("reports.departments")}>
      <${Table} label=${t("reports.departments")} columns=${columns} of=${found} rows=${report?.departments} rowKey="name" empty=${t("reports.nothing")} /></${Card}>
    ${scored.length > 0 && html`<${Card} title=${t("reports.score")}>
      <${Bars} label=${t("reports.score")} most=${100} rows=${scored.map((each) => ({ label: nobody(each), value: each.score.score }))} />
      <details><summary>${t("reports.explained")}</summary><${Table} label=${t("reports.explained")} columns=${parts} rowKey=${(row) => `${row.department} ${row.name}`}
        rows=${scored.flatMap((each) => each.score.parts.map((part) => ({ ...part, department: nobody(each) })))} /></details></${Card}>`}
    ${report && html`<${Files} query=${{ month: report.month, department }} files=${[
      [t("reports.html"), "/api/reports/monthly.html", `${name}.html`], [t("reports.xlsx"), "/api/reports/monthly.xlsx", `${name}.xlsx`]]} />`}`;
}

function Audit({ query }) {
  const { since = "", until = "", rows = "" } = query;
  const isWhole = Boolean(since) === Boolean(until);
  const asked = { since, until, every_row: rows === "1" };
  const found = useApi(isWhole ? "/api/reports/audit" : null, asked);
  const key = useApi("/api/reports/key");
  const report = found.data;
  const name = report ? `smsgw-audit-${report.since}-${report.until}` : "";
  return html`<${Filters} values=${{ since: since || report?.since || "", until: until || report?.until || "", rows }} onChange=${(values) => setQuery({ ...query, ...values })} fields=${[
      { name: "since", label: t("reports.since"), type: "date" }, { name: "until", label: t("reports.until"), type: "date" },
      { name: "rows", label: t("reports.check"), type: "select", options: [["", t("reports.check.chain")], ["1", t("reports.check.rows")]] },
    ]} />
    ${!isWhole && html`<${Notice}>${t("reports.both_days")}</${Notice}>`}
    <${Problem} error=${found.error} again=${found.reload} />
    ${found.loading && !report && html`<p class="waiting" role="status"><span class="spinner" aria-hidden="true"></span>${t("loading")}</p>`}
    ${report && html`<${Told} of=${report} /><${Files} query=${{ ...asked, since: report.since, until: report.until }} files=${[
      [t("reports.zip_html"), "/api/reports/audit.zip", `${name}-html.zip`, { inside: "html" }],
      [t("reports.zip_xlsx"), "/api/reports/audit.zip", `${name}-xlsx.zip`, { inside: "xlsx" }]]} />`}
    ${key.data && html`<${Card} title=${t("reports.key")}><p>${t("reports.key.about")}</p>
      <${Facts} of=${[[t("reports.fingerprint"), html`<${Id} of=${key.data.fingerprint} short=${false} />`]]} />
      <details><summary>${t("reports.pem")}</summary><pre class="table-box scroll" tabindex="0" role="region" aria-label=${t("reports.pem")}>${key.data.pem}</pre></details></${Card}>`}`;
}

function Told({ of: report }) {
  const evidence = report.evidence;
  const late = report.optouts.late.length;
  const refused = report.refused.reduce((sum, each) => sum + each.count, 0);
  const isWhole = evidence.log_whole && evidence.archive_whole;
  return html`<${Notice} kind=${isWhole ? "good" : "bad"}>${t(isWhole ? "reports.whole" : "reports.broken")}
      ${evidence.faults.length > 0 && html`<ul>${evidence.faults.slice(0, 20).map((each) => html`<li key=${each}><${Text}>${each}</${Text}></li>`)}</ul>`}</${Notice}>
    ${late > 0 && html`<${Notice} kind="warn">${t("reports.late", { n: number(late) })}</${Notice}>`}
    <${Figures}>${[
      ["channels", report.channels.length], ["signatures", report.signatures.length], ["templates", report.templates.length], ["word_changes", report.word_changes.length],
      ["decisions", report.decisions.length], ["refused", refused], ["access", report.access.length], ["pauses", report.pauses.length], ["optouts", report.optouts.optouts],
      ["entries", evidence.log_entries], ["records", evidence.archive_records], ["purged", evidence.purged_records],
    ].map(([key, value]) => html`<${Figure} key=${key} label=${t(`reports.told.${key}`)} value=${number(value)} />`)}</${Figures}>`;
}

function Incident() {
  const site = useSite();
  const [asked, setAsked] = useState(null);
  const [report, setReport] = useState(null);
  const names = { account: site.accounts.map((each) => each.name), carrier: site.carriers };
  const isFull = (currentSession()?.roles || []).some((role) => role === "compliance" || role === "admin");
  const fields = (values) => {
    const kind = values.kind || "account";
    const label = t(`reports.kind.${kind}`);
    return [
      { name: "kind", label: t("reports.scope"), type: "select", options: KINDS.map((each) => [each, t(`reports.kind.${each}`)]), value: "account" },
      names[kind] ? { name: `name_${kind}`, label, type: "select", required: true, options: [["", t("reports.choose")], ...names[kind]] } : { name: `name_${kind}`, label, required: true, max: 100 },
      { name: "since", label: t("reports.from"), type: "datetime", required: true }, { name: "until", label: t("reports.to"), type: "datetime", hint: t("reports.to.hint") },
      isFull && { name: "full", label: t("reports.full"), type: "checkbox", hint: t("reports.full.hint"), wide: true },
    ];
  };
  const run = async ({ kind, since, until, full, why, ...rest }) => {
    const body = { scope: `${kind}:${rest[`name_${kind}`]}`, since, until, full: Boolean(full), why };
    setReport(await post("/api/reports/incident", body));
    setAsked(body);
  };
  return html`<${Card} title=${t("reports.incident")}><p>${t("reports.incident.about")}</p>
      <div class="buttons"><${Change} label=${t("reports.look")} primary=${true} needs=${INCIDENT} intro=${t("reports.incident.intro")} fields=${fields} run=${run} said=${t("reports.found")} /></div></${Card}>
    ${report && html`<${Found} of=${report}><${Files} body=${asked} files=${[
      [t("reports.html"), "/api/reports/incident.html", "smsgw-incident.html"], [t("reports.xlsx"), "/api/reports/incident.xlsx", "smsgw-incident.xlsx"]]} /></${Found}>`}`;
}

function Found({ of: report, children }) {
  const events = [
    { key: "what", label: t("reports.what"), main: true, render: (row) => tOr(`reports.${row.what}`, row.what) },
    { key: "at", label: t("reports.at") }, { key: "about", label: t("reports.about_what"), render: (row) => html`<${Text}>${row.about}</${Text}>` },
    { key: "why", label: t("why"), wide: true, render: (row) => html`<${Text}>${row.why}</${Text}>` },
    { key: "who", label: t("reports.who") }, { key: "count", label: t("reports.times"), num: true, render: (row) => number(row.count) },
  ];
  const messages = [
    { key: "number", label: t("reports.number"), main: true, render: (row) => html`<code>${row.number}</code>` },
    { key: "state", label: t("reports.state"), render: (row) => t(`reports.became.${row.state}`) },
    { key: "begun", label: t("reports.begun") }, { key: "final", label: t("reports.final") }, { key: "template", label: t("reports.kind.template") },
    { key: "carrier", label: t("reports.kind.carrier") }, { key: "code", label: t("reports.code"), render: (row) => row.code || row.rule },
  ];
  return html`<${Notice} kind=${report.full ? "warn" : "info"}>${t(report.full ? "reports.is_full" : "reports.is_masked", { scope: report.scope, since: report.since, until: report.until })}</${Notice}>
    <${Figures}><${Figure} label=${t("reports.messages")} value=${number(report.count)} /><${Figure} label=${t("reports.recipients")} value=${number(report.recipients)} />
      ${Object.entries(report.states).map(([state, count]) => html`<${Figure} key=${state} label=${t(`reports.became.${state}`)} value=${number(count)} />`)}</${Figures}>
    ${children}
    <${Card} title=${t("reports.timeline")}><${Table} label=${t("reports.timeline")} columns=${events} rows=${report.timeline} rowKey=${(row, index) => index} empty=${t("reports.nothing")} /></${Card}>
    <${Card} title=${t("reports.first", { n: number(report.messages.length), all: number(report.count) })}>
      <${Table} label=${t("reports.messages")} columns=${messages} rows=${report.messages} rowKey=${(row, index) => index} empty=${t("reports.nothing")} /></${Card}>`;
}

const ROOMS = { monthly: [MONTHLY, Monthly], audit: [AUDIT, Audit], incident: [INCIDENT, Incident] };

function View({ query }) {
  const rooms = Object.keys(ROOMS).filter((name) => may(ROOMS[name][0]));
  const chosen = rooms.includes(query.kind) ? query.kind : rooms[0];
  const Room = ROOMS[chosen][1];
  return html`<${Head} about=${t(`reports.about.${chosen}`)} />
    <${Tabs} label=${t("reports.title")} tabs=${rooms.map((name) => [name, t(`reports.tab.${name}`)])} chosen=${chosen} onChoose=${(kind) => setQuery({ kind })}>
      <div class="stack"><${Room} query=${query} /></div></${Tabs}>`;
}

export default { path: "reports", title: "reports.title", group: "figures", order: 40, needs: ["GET /api/reports/key"], View };
