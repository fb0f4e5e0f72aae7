// Accounts: the list, and one with its limits, what is left of its quota, its binds, and what was refused last and why.

import { useApi } from "../lib/api.js";
import { Bars } from "../lib/chart.js";
import { html, useState } from "../lib/html.js";
import { perSecond, said, Used } from "../lib/live.js";
import { Card, Facts, Figure, Figures, Filters, Head, Problem, Table, Tag, Time, Waiting } from "../lib/parts.js";
import { go, link } from "../lib/router.js";
import { duration, number, t, tOr } from "../lib/words.js";

const className = (name) => tOr(`carriers.lane.${name}`, name);

function InForce({ row }) {
  if (!row.enabled) return html`<${Tag}>${t("accounts.disabled")}</${Tag}>`;
  if (row.in_force === null) return html`<${Tag}>${t("accounts.unknown")}</${Tag}>`;
  return html`<${Tag} kind=${row.in_force ? "good" : "bad"}>${t(row.in_force ? "accounts.in_force" : "accounts.barred")}</${Tag}>`;
}

const period = (each) => t(each.period === "day" ? "accounts.day" : "accounts.month");
const Quota = ({ of }) => html`<div class="quotas">${of.map((each) => html`<div key=${each.period}><span class="quiet-text">${period(each)}</span>
  <${Used} used=${each.used} of=${each.limit} label=${t("accounts.quota.used", { period: period(each) })} /></div>`)}</div>`;

function Listed() {
  const found = useApi("/api/accounts", {}, { everyS: 3 });
  const [wanted, setWanted] = useState({});
  const rows = found.data?.filter((each) => !wanted.search || `${each.account} ${each.department}`.toLowerCase().includes(wanted.search.toLowerCase()));
  const columns = [
    { key: "account", label: t("accounts.account"), main: true },
    { key: "department", label: t("accounts.department") },
    { key: "message_class", label: t("carriers.lane"), render: (row) => className(row.message_class) },
    { key: "state", label: t("carriers.state"), render: (row) => html`<${InForce} row=${row} />` },
    { key: "binds", label: t("carriers.binds"), num: true, render: (row) => row.binds !== null && `${row.binds} / ${row.max_binds}` },
    { key: "accepted", label: t("accounts.accepted"), num: true, render: (row) => row.accepted !== null && perSecond(row.accepted) },
    { key: "refused", label: t("accounts.refused"), num: true, render: (row) => row.refused !== null && perSecond(row.refused) },
    { key: "undelivered", label: t("accounts.undelivered"), num: true, render: (row) => number(row.undelivered) },
    { key: "quota", label: t("accounts.quota"), render: (row) => (row.quota.length ? html`<${Quota} of=${row.quota} />` : t("accounts.no_quota")) },
  ];
  return html`<${Head} about=${t("accounts.about")} />
    <${Filters} fields=${[{ name: "search", label: t("accounts.search") }]} values=${wanted} onChange=${setWanted} />
    <${Card}><${Table} label=${t("accounts.title")} columns=${columns} of=${found} rows=${rows} rowKey="account" onOpen=${(row) => go(["accounts", row.account])} /></${Card}>`;
}

const HOURS = ["1", "24", "72", "168"];

function Refusals({ account }) {
  const [hours, setHours] = useState("24");
  const found = useApi(`/api/accounts/${encodeURIComponent(account)}/refusals`, { hours });
  const columns = [
    { key: "at", label: t("accounts.at"), main: true, render: (row) => html`<${Time} at=${row.at} />` },
    { key: "text", label: t("accounts.reason"), wide: true, render: (row) => html`${said(row, "text")}<div class="note">${row.detail}</div>` },
    { key: "remedy", label: t("accounts.remedy"), wide: true, render: (row) => said(row, "remedy") },
    { key: "rule", label: t("accounts.rule"), render: (row) => html`<code>${row.rule}</code> <span class="note">${row.status}</span>` },
    { key: "number", label: t("accounts.number"), render: (row) => html`<code class="whole">${row.number}</code>` },
    { key: "signature", label: t("accounts.signature"), render: (row) => row.signature && html`<span class="whole">【${row.signature}】</span>` },
  ];
  const choose = [{ name: "hours", label: t("accounts.hours"), type: "select", options: HOURS.map((each) => [each, t(`accounts.hours.${each}`)]) }];
  return html`<${Card} title=${t("accounts.refusals")} actions=${html`<button type="button" class="small" onClick=${found.reload}>${t("accounts.again")}</button>`}>
    <${Filters} fields=${choose} values=${{ hours }} onChange=${(values) => setHours(values.hours)} />
    <${Table} label=${t("accounts.refusals")} columns=${columns} of=${found} rows=${found.data} rowKey=${(_, index) => index} empty=${t("accounts.no_refusals")} /></${Card}>`;
}

function Binds({ rows }) {
  const columns = [
    { key: "id", label: t("carriers.bind"), main: true, render: (row) => html`<code>${row.id}</code>` },
    { key: "kind", label: t("carriers.kind"), render: (row) => tOr(`accounts.kind.${row.kind}`, row.kind) },
    { key: "node", label: t("carriers.node") },
    { key: "peer", label: t("carriers.peer"), render: (row) => html`<code>${row.peer}</code>` },
    { key: "version", label: "SMPP" },
    { key: "unanswered", label: t("accounts.unanswered"), num: true, render: (row) => number(row.unanswered) },
    { key: "delivering", label: t("accounts.delivering"), num: true, render: (row) => number(row.delivering) },
    { key: "up_s", label: t("carriers.up_for"), num: true, render: (row) => duration(row.up_s) },
  ];
  return html`<${Card} title=${t("carriers.binds")}><${Table} label=${t("carriers.binds")} columns=${columns} rows=${rows} rowKey=${(row) => `${row.node} ${row.id}`}
    empty=${t("accounts.not_bound")} /></${Card}>`;
}

function Capabilities({ of }) {
  const comma = (list) => list.join(t("comma"));
  return html`<${Card} title=${t("accounts.capabilities")}><${Facts} of=${[
    [t("accounts.signatures"), comma(of.signatures.map((each) => `【${each}】`))],
    [t("accounts.numbers"), comma(of.numbers)],
    [t("accounts.bind_types"), comma(of.bind_types.map((each) => t(`carriers.kind.${each}`)))],
    [t("accounts.lane"), className(of.lane)],
    [t("accounts.slots"), comma(of.slots)],
    [t("accounts.profile"), of.profile],
    [t("accounts.allow_ips"), comma(of.allow_ips)],
    [t("accounts.window"), `${of.window} · ${of.deliver_window}`],
    [t("accounts.licence"), of.licence_expires],
    [t("accounts.service_phone"), of.service_phone],
    [t("accounts.reject_mode"), t(`accounts.reject_mode.${of.reject_mode}`)],
    [t("accounts.explain"), t(of.explain ? "accounts.yes" : "accounts.no")],
    [t("accounts.vendor_codes"), t(of.vendor_codes ? "accounts.yes" : "accounts.no")],
  ]} /></${Card}>`;
}

function One({ name }) {
  const found = useApi(`/api/accounts/${encodeURIComponent(name)}`, {}, { everyS: 3 });
  const data = found.data;
  const back = html`<a href=${link("accounts")}>← ${t("accounts.all")}</a>`;
  if (!data) return html`${back}<${Card}><${Waiting} of=${found} /></${Card}>`;
  return html`${back}<div class="head"><div class="buttons"><h2>${data.account}</h2><${InForce} row=${data} />
      <span class="quiet-text">${[data.department, className(data.message_class)].filter(Boolean).join(" · ")}</span></div></div>
    ${found.error && html`<${Problem} error=${found.error} again=${found.reload} />`}
    <${Figures}>
      <${Figure} label=${t("accounts.accepted")} value=${data.accepted === null ? "—" : perSecond(data.accepted)} note=${t("accounts.of_rate", { rate: number(data.rate) })} />
      <${Figure} label=${t("accounts.refused")} value=${data.refused === null ? "—" : perSecond(data.refused)} />
      <${Figure} label=${t("accounts.receipts")} value=${data.receipts === null ? "—" : perSecond(data.receipts)} />
      <${Figure} label=${t("carriers.binds")} value=${data.binds === null ? "—" : `${data.binds} / ${data.max_binds}`} />
      <${Figure} label=${t("carriers.window")} value=${data.window ? `${number(data.window_used)} / ${number(data.window)}` : "—"} />
      <${Figure} label=${t("accounts.undelivered")} value=${number(data.undelivered)} />
    </${Figures}>
    <div class="cards">
      <${Card} title=${t("accounts.quota")}>${data.quota.length ? data.quota.map((each) => html`<div class="quota" key=${each.period}>
        <div><strong>${period(each)}</strong> <span class="quiet-text">${t("accounts.quota.left", { left: number(each.left), ends: each.ends })}</span></div>
        <${Used} used=${each.used} of=${each.limit} label=${t("accounts.quota.used", { period: period(each) })} /></div>`)
        : html`<div class="empty">${t("accounts.no_quota")}</div>`}</${Card}>
      <${Card} title=${t("overview.refused_hour")}>${data.refused_rules.length
        ? html`<${Bars} label=${t("overview.refused_hour")} format=${(value) => number(value)} rows=${data.refused_rules.map((each) => ({ label: said(each, "text"), value: each.count }))} />`
        : html`<div class="empty">${t("overview.nothing_refused")}</div>`}</${Card}>
    </div>
    <${Refusals} account=${data.account} /><${Binds} rows=${data.links} /><${Capabilities} of=${data.capabilities} />`;
}

const View = ({ args }) => (args[0] ? html`<${One} key=${args[0]} name=${args[0]} />` : html`<${Listed} />`);

export default { path: "accounts", title: "accounts.title", group: "watch", order: 40, needs: ["GET /api/accounts"], View };
