// What happens now: what needs somebody, rates, carriers, queues, pauses, and what was refused.

import { may, useApi } from "../lib/api.js";
import { Bars, Chart, Spark } from "../lib/chart.js";
import { html, useState } from "../lib/html.js";
import { CARRIER_KINDS, CarrierState, perSecond, said } from "../lib/live.js";
import { Card, Facts, Figure, Figures, Notice, Problem, Table, Tag, Tabs, Time, Waiting } from "../lib/parts.js";
import { link } from "../lib/router.js";
import { duration, number, percent, t, tOr } from "../lib/words.js";
import { scopeText } from "./pauses.js";

const LEVELS = { bad: "bad", warn: "warn", info: "info" };
const LINKS = { review: "review", account: "accounts", down: "carriers", partly: "carriers", slowed: "carriers", overdue: "carriers", breaker: "carriers", queue: "carriers" };

function Needs({ found }) {
  const alarms = useApi(may("GET /api/alarms") ? "/api/alarms" : null, {}, { everyS: 15 });
  const open = alarms.data?.firing.length || 0;
  if (!found.attention.length && !open) return html`<${Notice} kind="good">${t("overview.fine")}</${Notice}>`;
  return html`<${Card} title=${t("overview.attention")}><ul class="attention">
    ${open > 0 && html`<li><${Tag} kind="bad">${t("overview.level.bad")}</${Tag}><a href=${link("alarms")}>${t("overview.alarms", { n: number(open) })}</a></li>`}
    ${found.attention.map((each) => html`<li key=${`${each.kind} ${each.subject}`}>
      <${Tag} kind=${LEVELS[each.level]}>${t(`overview.level.${each.level}`)}</${Tag}>
      <span>${sentence(each)}${each.detail && html` <span class="quiet-text">${each.detail}</span>`}</span></li>`)}
  </ul></${Card}>`;
}

function sentence(each) {
  const words = tOr(`overview.kind.${each.kind}`, each.kind).replace("{subject}", each.subject).replace("{count}", number(each.count));
  const place = LINKS[each.kind];
  return place ? html`<a href=${link(place === "carriers" && each.subject ? [place, each.subject.split(" ")[0]] : place)}>${words}</a>` : words;
}

function Tiles({ found }) {
  const waiting = found.queues?.reduce((sum, each) => sum + each.waiting, 0);
  const review = Object.entries(found.parked || {}).filter(([lot]) => lot.startsWith("review")).reduce((sum, [, count]) => sum + count, 0);
  const rate = (name) => html`<span class="live">${perSecond(found.rates[name])}<${Spark} values=${found.recent[name] || []} width=${110} height=${22} /></span>`;
  return html`<${Figures}>
    <${Figure} label=${t("overview.accepted")} value=${rate("accepted")} />
    ${found.rates.out !== null && html`<${Figure} label=${t("overview.out")} value=${rate("out")} />`}
    <${Figure} label=${t("overview.receipts")} value=${rate("receipts")} />
    <${Figure} label=${t("overview.refused")} value=${rate("refused")} kind=${found.rates.refused > found.rates.accepted ? "warn" : ""} />
    ${found.delivery && html`<${Figure} label=${t("overview.delivery")} value=${percent(found.delivery.share)}
      note=${t("overview.of_results", { n: number(found.delivery.results) })} />`}
    ${found.queues && html`<${Figure} label=${t("overview.waiting")} value=${number(waiting)} />`}
    ${found.held !== null && html`<${Figure} label=${t("overview.held")} value=${number(found.held)}
      note=${review ? t("overview.for_review", { n: number(review) }) : ""} />`}
    <${Figure} label=${t("overview.undelivered")} value=${number(found.undelivered)} />
  </${Figures}>`;
}

function Rates({ found }) {
  const [span, setSpan] = useState("recent");
  const shown = found[span];
  const lines = [["accepted", "overview.accepted"], ["out", "overview.out"], ["receipts", "overview.receipts"], ["refused", "overview.refused"]]
    .filter(([name]) => shown[name]).map(([name, key]) => ({ label: t(key), values: shown[name] }));
  return html`<${Card} title=${t("overview.rates")}><${Tabs} label=${t("overview.rates")} chosen=${span} onChoose=${setSpan}
    tabs=${[["recent", t("overview.recent")], ["minutes", t("overview.minutes")]]}>
    ${shown.at_ms.length > 1
      ? html`<${Chart} x=${shown.at_ms.map((each) => each / 1000)} series=${lines} label=${t("overview.rates")} precision=${span === "recent" ? "clock" : "minute"} />`
      : html`<div class="empty">${t("overview.soon")}</div>`}
  </${Tabs}></${Card}>`;
}

function Carriers({ found }) {
  const opens = may("GET /api/carriers");
  return html`<${Card} title=${t("overview.carriers")}><ul class="strip">${found.carriers.map((each) => html`<li key=${each.name} class=${`carrier ${CARRIER_KINDS[each.state]}`}>
    <div class="name">${opens ? html`<a href=${link(["carriers", each.name])}>${each.name}</a>` : each.name}
      <${CarrierState} of=${each.state} /></div>
    ${each.binds !== null && html`<div class="quiet-text">${t("overview.carrier", {
      up: each.binds_up, binds: each.binds, out: perSecond(each.out), share: percent(each.delivery?.share) })}</div>`}
    ${each.why_not && html`<div class="quiet-text">${each.why_not}</div>`}</li>`)}</ul></${Card}>`;
}

function Queues({ rows }) {
  const columns = [
    { key: "carrier", label: t("carriers.carrier"), main: true },
    { key: "lane", label: t("carriers.lane"), render: (row) => t(`carriers.lane.${row.lane}`) },
    { key: "waiting", label: t("carriers.waiting"), num: true, render: (row) => number(row.waiting) },
    { key: "oldest_s", label: t("carriers.oldest"), num: true, render: (row) => (row.waiting ? duration(row.oldest_s) : "—") },
  ];
  return html`<${Card} title=${t("overview.queues")}><${Table} label=${t("overview.queues")} columns=${columns}
    rows=${rows.filter((each) => each.waiting)} rowKey=${(row) => `${row.carrier} ${row.lane}`} empty=${t("overview.nothing_waits")} /></${Card}>`;
}

function Pauses({ rows }) {
  const columns = [
    { key: "scope", label: t("overview.scope"), main: true, render: (row) => scopeText(row.scope) },
    { key: "reason", label: t("why"), wide: true },
    { key: "who", label: t("overview.who") },
    { key: "ends_ms", label: t("overview.ends"), render: (row) => (row.ends_ms ? html`<${Time} at=${row.ends_ms} precision="minute" />` : t("overview.until_resumed")) },
  ];
  return html`<${Card} title=${t("overview.pauses")}><${Table} label=${t("overview.pauses")} columns=${columns} rows=${rows} rowKey="scope"
    empty=${t("overview.no_pauses")} /></${Card}>`;
}

function Refusals({ rows }) {
  return html`<${Card} title=${t("overview.refused_hour")}>${rows.length
    ? html`<${Bars} label=${t("overview.refused_hour")} format=${(value) => number(value)} rows=${rows.slice(0, 8).map((each) => ({ label: said(each, "text"), value: each.count }))} />`
    : html`<div class="empty">${t("overview.nothing_refused")}</div>`}</${Card}>`;
}

function Gateways({ found }) {
  const columns = [
    { key: "node", label: t("overview.gateway"), main: true, render: (row) => row.node || row.address },
    { key: "answers", label: t("overview.state"), render: (row) => html`<${Tag} kind=${row.answers && !row.why ? "good" : "bad"}>${t(row.answers ? (row.why ? "overview.not_ready" : "overview.ready") : "overview.silent")}</${Tag}>` },
    { key: "version", label: t("overview.version") },
    { key: "site_version", label: t("overview.site_version"), num: true, render: (row) => row.site_version || "" },
    { key: "why", label: t("overview.detail"), wide: true },
  ];
  const store = found.store;
  return html`<${Card} title=${t("overview.gateways")}>
    <${Table} label=${t("overview.gateways")} columns=${columns} rows=${found.gateways} rowKey="address" />
    <${Facts} of=${[
      [t("overview.business_time"), html`<${Time} at=${found.business_time} />`],
      [t("overview.console"), found.console_version],
      store && [t("overview.store"), html`<${Tag} kind=${store.up ? "good" : "bad"}>${t(store.up ? "overview.ready" : "overview.silent")}</${Tag}> ${store.server}`],
      store?.memory_used > 0 && [t("overview.memory"), percent(store.memory_used)],
    ]} /></${Card}>`;
}

function View() {
  const found = useApi("/api/overview", {}, { everyS: 2 });
  const data = found.data;
  if (!data) return html`<${Card}><${Waiting} of=${found} /></${Card}>`;
  return html`${found.error && html`<${Problem} error=${found.error} again=${found.reload} />`}
    <${Needs} found=${data} /><${Tiles} found=${data} /><${Rates} found=${data} /><${Carriers} found=${data} />
    <div class="cards"><${Refusals} rows=${data.refused} />${data.queues && html`<${Queues} rows=${data.queues} />`}</div><${Pauses} rows=${data.pauses} />
    ${!data.scoped && html`<${Gateways} found=${data} />`}`;
}

export default { path: "overview", title: "overview.title", group: "watch", order: 10, needs: ["GET /api/overview"], View };
