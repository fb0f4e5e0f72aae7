// Carriers: the list, and one with its binds, windows and lanes; suspend, drain, resume.

import { post, useApi } from "../lib/api.js";
import { Bars } from "../lib/chart.js";
import { html } from "../lib/html.js";
import { CarrierState, perSecond, Used } from "../lib/live.js";
import { Card, Change, Facts, Figure, Figures, Head, Notice, Problem, Table, Tag, Time, Waiting } from "../lib/parts.js";
import { go, link } from "../lib/router.js";
import { duration, number, percent, t, tOr } from "../lib/words.js";

function Ordered({ order }) {
  if (!order) return "";
  const until = order.expires_ms ? html` ${t("carriers.until")} <${Time} at=${order.expires_ms} precision="minute" />` : "";
  return html`<span>${t(`carriers.did.${order.action}`, { who: order.who })}${until}: ${order.reason}</span>`;
}

function Listed() {
  const found = useApi("/api/carriers", {}, { everyS: 3 });
  const columns = [
    { key: "name", label: t("carriers.carrier"), main: true },
    { key: "state", label: t("carriers.state"), render: (row) => html`<${CarrierState} of=${row.state} />` },
    { key: "binds", label: t("carriers.binds"), num: true, render: (row) => row.binds !== null && `${row.binds_up} / ${row.binds}` },
    { key: "out", label: t("carriers.out"), num: true, render: (row) => row.out !== null && perSecond(row.out) },
    { key: "rate", label: t("carriers.rate"), num: true, render: (row) => row.rate !== null && html`${number(row.rate)} ${row.slowed && html`<${Tag} kind="warn">${t("carriers.slowed")}</${Tag}>`}` },
    { key: "window", label: t("carriers.window"), render: (row) => row.window !== null && html`<${Used} used=${row.in_flight} of=${row.window} label=${t("carriers.window")} />` },
    { key: "waiting", label: t("carriers.waiting"), num: true, render: (row) => number(row.waiting) },
    { key: "delivery", label: t("carriers.delivery"), num: true, render: (row) => percent(row.delivery?.share) },
    { key: "order", label: t("carriers.note"), wide: true, render: (row) => (row.order ? html`<${Ordered} order=${row.order} />` : row.why_not) },
  ];
  return html`<${Head} about=${t("carriers.about")} />
    <${Card}><${Table} label=${t("carriers.title")} columns=${columns} of=${found} rows=${found.data} rowKey="name" onOpen=${(row) => go(["carriers", row.name])} /></${Card}>`;
}

function Orders({ found }) {
  const { name, order } = found.data;
  const path = (what) => `/api/carriers/${encodeURIComponent(name)}/${what}`;
  const expires = { name: "expires", label: t("carriers.expires"), hint: t("carriers.expires.hint"), placeholder: "2h" };
  const change = (what, more) => html`<${Change} key=${what} label=${t(`carriers.do.${what}`)} title=${t(`carriers.do.${what}.title`, { name })}
    intro=${t(`carriers.do.${what}.intro`)} needs=${`POST /api/carriers/{carrier}/${what}`} run=${(values) => post(path(what), values)} done=${found.reload} ...${more} />`;
  return html`${order && change("resume", { primary: true })}
    ${order?.action !== "drain" && change("drain", { fields: [expires] })}
    ${order?.action !== "suspend" && change("suspend", { fields: [expires], danger: true })}`;
}

function Binds({ rows }) {
  const columns = [
    { key: "id", label: t("carriers.bind"), main: true, render: (row) => html`<code>${row.id}</code>` },
    { key: "kind", label: t("carriers.kind"), render: (row) => tOr(`carriers.kind.${row.kind}`, row.kind) },
    { key: "node", label: t("carriers.node") },
    { key: "up", label: t("carriers.state"), render: (row) => html`<${CarrierState} of=${row.up ? "up" : "down"} />` },
    { key: "window", label: t("carriers.window"), render: (row) => row.up && html`<${Used} used=${row.in_flight} of=${row.window} label=${t("carriers.window")} />` },
    { key: "heard_ago_s", label: t("carriers.heard"), num: true, render: (row) => row.heard_ago_s !== null && t("carriers.ago", { time: duration(row.heard_ago_s) }) },
    { key: "up_s", label: t("carriers.up_for"), num: true, render: (row) => row.up && duration(row.up_s) },
    { key: "peer", label: t("carriers.peer"), render: (row) => row.peer && html`<code>${row.peer}</code>` },
    { key: "why_down", label: t("carriers.why_down"), wide: true },
  ];
  return html`<${Card} title=${t("carriers.binds")}><${Table} label=${t("carriers.binds")} columns=${columns} rows=${rows} empty=${t("carriers.no_binds")} /></${Card}>`;
}

function Lanes({ rows }) {
  const columns = [
    { key: "lane", label: t("carriers.lane"), main: true, render: (row) => t(`carriers.lane.${row.lane}`) },
    { key: "waiting", label: t("carriers.waiting"), num: true, render: (row) => number(row.waiting) },
    { key: "oldest_s", label: t("carriers.oldest"), num: true, render: (row) => row.waiting > 0 && duration(row.oldest_s) },
    { key: "aged", label: t("carriers.note"), render: (row) => row.aged && html`<${Tag} kind="warn">${t("carriers.aged")}</${Tag}>` },
  ];
  return html`<${Card} title=${t("carriers.lanes")}><${Table} label=${t("carriers.lanes")} columns=${columns} rows=${rows} rowKey="lane" /></${Card}>`;
}

function Breakers({ rows }) {
  const columns = [
    { key: "province", label: t("carriers.province"), main: true, render: (row) => row.province || t("carriers.latency") },
    { key: "state", label: t("carriers.state"), render: (row) => html`<${Tag} kind="warn">${tOr(`carriers.breaker.${row.state}`, row.state)}</${Tag}>` },
    { key: "since_s", label: t("carriers.since"), num: true, render: (row) => duration(row.since_s) },
    { key: "good", label: t("carriers.good"), num: true, render: (row) => `${number(row.good)} / ${number(row.outcomes)}` },
    { key: "why", label: t("carriers.note"), wide: true },
  ];
  return html`<${Card} title=${t("carriers.health")}><${Table} label=${t("carriers.health")} columns=${columns} rows=${rows} rowKey="province" empty=${t("carriers.healthy")} /></${Card}>`;
}

const Counts = ({ title, of }) => html`<${Card} title=${title}>${Object.keys(of).length
  ? html`<${Bars} label=${title} format=${(value) => number(value)} rows=${Object.entries(of).sort((a, b) => b[1] - a[1]).map(([label, value]) => ({ label, value }))} />`
  : html`<div class="empty">${t("carriers.none_yet")}</div>`}</${Card}>`;

function One({ name }) {
  const found = useApi(`/api/carriers/${encodeURIComponent(name)}`, {}, { everyS: 2 });
  const data = found.data;
  const back = html`<a href=${link("carriers")}>← ${t("carriers.all")}</a>`;
  if (!data) return html`${back}<${Card}><${Waiting} of=${found} /></${Card}>`;
  return html`${back}<div class="head"><div class="buttons"><h2>${data.name}</h2><${CarrierState} of=${data.state} /><span class="quiet-text">${data.host}</span></div>
      <div class="buttons"><${Orders} found=${found} /></div></div>
    ${found.error && html`<${Problem} error=${found.error} again=${found.reload} />`}
    ${data.order && html`<${Notice} kind="warn"><${Ordered} order=${data.order} /></${Notice}>`}
    ${data.why_not && !data.order && html`<${Notice} kind="bad">${data.why_not}</${Notice}>`}
    <${Figures}>
      <${Figure} label=${t("carriers.out")} value=${data.out === null ? "—" : perSecond(data.out)} note=${data.rate !== null && t("carriers.of_rate", { rate: number(data.rate), full: number(data.full_rate) })} />
      <${Figure} label=${t("carriers.delivery")} value=${percent(data.delivery?.share)} note=${t("overview.of_results", { n: number(data.delivery?.results ?? 0) })} />
      <${Figure} label=${t("carriers.window")} value=${data.window === null ? "—" : `${number(data.in_flight)} / ${number(data.window)}`} />
      <${Figure} label=${t("carriers.errors")} value=${data.errors === null ? "—" : perSecond(data.errors)} kind=${data.errors > 0 ? "warn" : ""} />
      <${Figure} label=${t("carriers.open")} value=${number(data.receipts_open)} note=${data.receipts_overdue ? t("carriers.overdue", { n: number(data.receipts_overdue) }) : ""} kind=${data.receipts_overdue ? "warn" : ""} />
    </${Figures}>
    <${Binds} rows=${data.links} />
    <div class="cards"><${Lanes} rows=${data.lanes} /><${Breakers} rows=${data.breakers} /></div>
    <div class="cards"><${Counts} title=${t("carriers.answers")} of=${data.answers} /><${Counts} title=${t("carriers.receipts")} of=${data.receipts} /></div>
    <${Card}><${Facts} of=${[[t("carriers.throttled"), number(data.throttled)], [t("carriers.timeouts"), number(data.timeouts)],
      [t("carriers.rerouted"), number(data.rerouted)], [t("carriers.codes_wait"), duration(data.codes_wait_s)]]} /></${Card}>`;
}

const View = ({ args }) => (args[0] ? html`<${One} key=${args[0]} name=${args[0]} />` : html`<${Listed} />`);

export default { path: "carriers", title: "carriers.title", group: "watch", order: 30, needs: ["GET /api/carriers"], View };
