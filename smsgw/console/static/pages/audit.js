// Who changed what, when and why; whether the log is whole; a copy of it.

import { ApiError, download, get, may, useApi } from "../lib/api.js";
import { html, useState } from "../lib/html.js";
import { Card, Change, Facts, Filters, Head, Id, Notice, Problem, Table, Text, Time } from "../lib/parts.js";
import { setQuery } from "../lib/router.js";
import { number, t } from "../lib/words.js";

const LIMIT = 50;

function Verify() {
  const [said, setSaid] = useState(null);
  if (!may("GET /api/audit/verify")) return null;
  return html`<${Change} label=${t("audit.verify")} why=${false} intro=${t("audit.verify.intro")} said=${t("audit.verified")}
      fields=${[{ name: "kept", label: t("audit.kept"), hint: t("audit.kept.hint"), placeholder: "1234:9f8e…", wide: true }]}
      run=${async ({ kept }) => setSaid(await get("/api/audit/verify", { kept }))} />
    ${said && html`<div class="full"><${Notice} kind=${said.whole ? "good" : "bad"}>
      ${t(said.whole ? "audit.whole" : "audit.broken", { n: number(said.entries) })} ${t("audit.head")} <code>${said.head}</code>
      ${said.faults.length > 0 && html`<ul>${said.faults.map((each) => html`<li key=${each.seq}>${each.seq}: ${each.why}</li>`)}</ul>`}</${Notice}></div>`}`;
}

function Export() {
  const [error, setError] = useState(null);
  if (!may("GET /api/audit/export")) return null;
  const run = () => download("/api/audit/export", {}, "audit-log.ndjson").then(() => setError(null), (found) => setError(found instanceof ApiError ? found : { message: String(found) }));
  return html`<button type="button" onClick=${run}>${t("audit.export")}</button><${Problem} error=${error} />`;
}

function View({ query }) {
  const { who = "", action = "", subject = "", since = "", until = "" } = query;
  const [places, setPlaces] = useState([0]);
  const [open, setOpen] = useState(0);
  const before = places[places.length - 1];
  const found = useApi("/api/audit", { who, action, subject, since, until, before: before || "", limit: LIMIT });
  const columns = [
    { key: "action", label: t("audit.action"), main: true, render: (row) => row.action },
    { key: "subject", label: t("audit.subject"), render: (row) => html`<${Text}>${row.subject}</${Text}>` },
    { key: "why", label: t("why"), wide: true, render: (row) => html`<${Text}>${row.why}</${Text}>${open === row.seq && html`<${Detail} of=${row} />`}` },
    { key: "who", label: t("audit.who") },
    { key: "at", label: t("audit.at"), render: (row) => html`<${Time} at=${row.at} />` },
    { key: "seq", label: t("audit.seq"), num: true, render: (row) => number(row.seq) },
  ];
  const change = (values) => { setPlaces([0]); setQuery(values); };
  return html`<${Head} about=${t("audit.about")}><${Verify} /><${Export} /></${Head}>
    <${Filters} values=${{ who, action, subject, since, until }} onChange=${change} fields=${[
      { name: "who", label: t("audit.who") }, { name: "action", label: t("audit.action"), placeholder: "template." }, { name: "subject", label: t("audit.subject") },
      { name: "since", label: t("audit.since"), type: "date" }, { name: "until", label: t("audit.until"), type: "date" },
    ]} />
    <${Card}><${Table} label=${t("audit.title")} columns=${columns} of=${found} rows=${found.data?.items} rowKey="seq" onOpen=${(row) => setOpen(open === row.seq ? 0 : row.seq)} picked=${(row) => open === row.seq} /></${Card}>
    <div class="buttons">
      ${places.length > 1 && html`<button type="button" onClick=${() => setPlaces(places.slice(0, -1))}>${t("pager.before")}</button>`}
      ${found.data?.next_before > 0 && html`<button type="button" onClick=${() => setPlaces([...places, found.data.next_before])}>${t("pager.after")}</button>`}
    </div>`;
}

const Detail = ({ of }) => html`<div class="detail"><${Facts} of=${[[t("audit.hash"), html`<${Id} of=${of.hash} />`]]} />
  ${Object.keys(of.detail).length > 0 && html`<pre>${JSON.stringify(of.detail, null, 2)}</pre>`}</div>`;

export default { path: "audit", title: "audit.title", group: "office", order: 20, needs: ["GET /api/audit"], View };
