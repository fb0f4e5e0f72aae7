// What rings, why nobody was told of it, where alarms go, and what rang before.

import { ApiError, may, post, useApi } from "../lib/api.js";
import { html, useState } from "../lib/html.js";
import { said } from "../lib/live.js";
import { Card, Change, Head, Notice, Pager, Table, Tabs, Tag, Text, Time, Waiting } from "../lib/parts.js";
import { setQuery } from "../lib/router.js";
import { ago, t, time, tOr } from "../lib/words.js";

const LIMIT = 50;
const SILENCE = "POST /api/alarms/silences";
const UNTIL = ["30m", "2h", "8h", "1d", "7d"];
const kindText = (kind) => (kind ? tOr(`alarms.kind.${kind}`, kind) : t("alarms.kind.all"));
const onlyText = (only) => Object.entries(only).map(([label, value]) => `${tOr(`alarms.label.${label}`, label)} ${label === "class" ? tOr(`class.${value}`, value) : value}`).join(t("comma"));
const scopeOf = ({ kind, only }) => [kindText(kind), onlyText(only)].filter(Boolean).join(" · ");
// "queue_growing carrier=beta", as the history names a silence; "*" is of every kind.
const silenced = (scope) => {
  const [kind, ...only] = scope.split(" ");
  return { kind: kind === "*" ? "" : kind, only: Object.fromEntries(only.map((each) => [each.split("=")[0], each.slice(each.indexOf("=") + 1)])) };
};
const untilField = () => ({ name: "until", label: t("alarms.until"), type: "select", value: "2h", options: UNTIL.map((each) => [each, t(`alarms.until.${each}`)]) });

// Silence just this one.
const SilenceOne = ({ of, done }) => html`<${Change} label=${t("alarms.silence")} small=${true} needs=${SILENCE} said=${t("alarms.silenced")}
  title=${t("alarms.silence.title")} intro=${html`<p>${said(of, "text")}</p><p>${t("alarms.silence.intro")}</p>`} fields=${[untilField()]}
  run=${({ until, why }) => post("/api/alarms/silences", { kind: of.kind, only: of.labels, until, why })} done=${done} />`;

// Silence whatever one names: works on a carrier, a campaign that everybody knows of.
function SilenceMore({ kinds, done }) {
  const fields = [
    { name: "kind", label: t("alarms.kind"), type: "select", options: [["", t("alarms.kind.all")], ...kinds.map((each) => [each, kindText(each)])], wide: true },
    { name: "only", label: t("alarms.only"), placeholder: "carrier=alpha", hint: t("alarms.only.hint"), wide: true },
    untilField(),
  ];
  const run = ({ kind, only, until, why }) => post("/api/alarms/silences", {
    kind, until, why,
    only: Object.fromEntries((only || "").split(/[,，\s]+/).filter(Boolean).map((each) => [each.split("=")[0], each.split("=").slice(1).join("=")])),
  });
  return html`<${Change} label=${t("alarms.silence.more")} title=${t("alarms.silence.title")} needs=${SILENCE} intro=${t("alarms.silence.intro")}
    fields=${fields} run=${run} said=${t("alarms.silenced")} done=${done} />`;
}

function Quiet({ of }) {
  if (of.silenced_until_ms) return t("alarms.quiet.silenced", { at: time(of.silenced_until_ms, "minute"), who: of.silenced_by, why: of.silenced_why });
  return of.covered ? t("alarms.quiet.covered") : "";
}

function Ringing({ of, done }) {
  const quiet = of.silenced_until_ms > 0 || of.covered;
  return html`<li class=${`alarm ${quiet ? "" : of.severity === "page" ? "bad" : "warn"}`}>
    <div class="grow">
      <p><${Tag} kind=${quiet ? "" : of.severity === "page" ? "bad" : "warn"}>${t(quiet ? "alarms.state.quiet" : `alarms.severity.${of.severity}`)}</${Tag}> <strong>${said(of, "text")}</strong></p>
      <p class="about">${t("alarms.since", { at: time(of.since_ms, "minute") })}${" · "}${said(of, "advice")}</p>
      ${quiet && html`<p class="about"><${Quiet} of=${of} /></p>`}
      ${of.acted && html`<p><${Tag} kind="info">${t("alarms.acted")}</${Tag}> <${Text}>${of.acted}</${Text}></p>`}
      ${of.acknowledged_by && html`<p class="about">${t("alarms.acknowledged_by", { who: of.acknowledged_by })}</p>`}
    </div>
    <div class="buttons">
      ${!of.acknowledged_by && !quiet && html`<${Change} label=${t("alarms.acknowledge")} small=${true} needs="POST /api/alarms/acknowledge"
        intro=${html`<p>${said(of, "text")}</p><p>${t("alarms.acknowledge.intro")}</p>`} said=${t("alarms.acknowledged")}
        run=${({ why }) => post("/api/alarms/acknowledge", { id: of.id, why })} done=${done} />`}
      ${!of.silenced_until_ms && html`<${SilenceOne} of=${of} done=${done} />`}
    </div></li>`;
}

const List = ({ title, rows, done }) => rows.length > 0 && html`<${Card} title=${title}><ul class="alarms">
  ${rows.map((each) => html`<${Ringing} key=${each.id} of=${each} done=${done} />`)}</ul></${Card}>`;

function Now({ found }) {
  const { firing, pending, silenced, silences } = found.data;
  const done = found.reload;
  const columns = [
    { key: "kind", label: t("alarms.of"), main: true, render: scopeOf },
    { key: "why", label: t("why"), wide: true, render: (row) => html`<${Text}>${row.why}</${Text}>` },
    { key: "who", label: t("alarms.who") },
    { key: "until_ms", label: t("alarms.until"), render: (row) => html`<${Time} at=${row.until_ms} precision="minute" />` },
    { key: "acts", label: t("alarms.unsilence"), acts: true, render: (row) => html`<${Change} label=${t("alarms.unsilence")} small=${true}
      needs="POST /api/alarms/silences/end" intro=${scopeOf(row)} said=${t("alarms.unsilenced")}
      run=${({ why }) => post("/api/alarms/silences/end", { id: row.id, why })} done=${done} />` },
  ];
  return html`${firing.length === 0 && html`<${Notice} kind="good">${t("alarms.none")}</${Notice}>`}
    <${List} title=${t("alarms.firing")} rows=${firing} done=${done} />
    <${List} title=${t("alarms.quiet")} rows=${silenced} done=${done} />
    ${pending.length > 0 && html`<${Card} title=${t("alarms.pending")}><ul class="alarms">${pending.map((each) => html`<li class="alarm" key=${each.id}>
      <div class="grow"><p>${said(each, "text")}</p><p class="about">${t("alarms.since", { at: time(each.since_ms, "minute") })}</p></div></li>`)}</ul></${Card}>`}
    ${silences.length > 0 && html`<${Card} title=${t("alarms.silences")}><${Table} label=${t("alarms.silences")} columns=${columns} of=${found} rows=${silences} /></${Card}>`}`;
}

function Channels({ found }) {
  const columns = [
    { key: "name", label: t("alarms.channel"), main: true },
    { key: "state", label: t("alarms.works"), render: (row) => (row.failing_ms
      ? html`<${Tag} kind="bad">${t("alarms.fails", { n: row.failures })}</${Tag}>` : html`<${Tag} kind=${row.arrived_ms ? "good" : ""}>${t(row.arrived_ms ? "alarms.fine" : "alarms.unused")}</${Tag}>`) },
    { key: "severity", label: t("alarms.from"), render: (row) => t(`alarms.severity.${row.severity}`) },
    { key: "quiet", label: t("alarms.quiet_hours"), render: (row) => row.quiet.join(t("comma")) || "–" },
    { key: "arrived_ms", label: t("alarms.arrived"), render: (row) => (row.arrived_ms ? html`<${Time} at=${row.arrived_ms} />` : "–") },
    { key: "why", label: t("alarms.why_not"), wide: true, render: (row) => html`<${Text}>${row.why || "–"}</${Text}>` },
    { key: "acts", label: t("alarms.test"), acts: true, render: (row) => html`<${Change} label=${t("alarms.test")} small=${true} needs="POST /api/alarms/channels/test"
      intro=${t("alarms.test.intro", { name: row.name })} run=${async ({ why }) => {
        const tried = await post("/api/alarms/channels/test", { channel: row.name, why });
        if (!tried.arrived) throw new ApiError(0, t("alarms.test.failed", { why: tried.why }));
      }} said=${t("alarms.test.arrived")} done=${found.reload} />` },
  ];
  return html`<${Card}><${Table} label=${t("alarms.channels")} columns=${columns} of=${found} rows=${found.data.channels} rowKey="name" empty=${t("alarms.channels.none")} /></${Card}>`;
}

function Past() {
  const [offset, setOffset] = useState(0);
  const found = useApi("/api/alarms/history", { offset, limit: LIMIT }, { everyS: 30 });
  const of = (row) => row.channel || scopeOf(row.scope ? silenced(row.scope) : { kind: row.kind, only: Object.fromEntries(row.labels || []) });
  const columns = [
    { key: "at_ms", label: t("alarms.at"), render: (row) => html`<${Time} at=${row.at_ms} />` },
    { key: "what", label: t("alarms.what"), render: (row) => html`<${Tag} kind=${{ firing: "bad", resolved: "good", channel_failed: "bad", not_acted: "warn" }[row.what] || "info"}>${tOr(`alarms.what.${row.what}`, row.what)}</${Tag}>` },
    { key: "of", label: t("alarms.of"), main: true, render: of },
    { key: "more", label: t("alarms.more"), wide: true, render: (row) => html`<${Text}>${[row.who, row.why, row.outcome].filter(Boolean).join(" · ") || "–"}</${Text}>` },
  ];
  const rows = found.data?.items.map((each, index) => ({ ...each, key: `${offset + index} ${each.at_ms}` }));
  return html`<${Card}><${Table} label=${t("alarms.history")} columns=${columns} of=${found} rows=${rows} rowKey="key" empty=${t("alarms.history.none")} /></${Card}>
    <${Pager} total=${found.data?.total} offset=${offset} limit=${LIMIT} onMove=${setOffset} />`;
}

function View({ query, session }) {
  const found = useApi("/api/alarms", {}, { everyS: 10 });
  const chosen = query.tab || "now";
  const tabs = [["now", t("alarms.now")], ["history", t("alarms.history")], ...(session.accounts ? [] : [["channels", t("alarms.channels")]])];
  const unknown = Object.entries(found.data?.why_not || {});
  return html`<${Head} about=${t("alarms.about")}>${may(SILENCE) && html`<${SilenceMore} kinds=${found.data?.kinds || []} done=${found.reload} />`}</${Head}>
    ${found.data?.late && html`<${Notice} kind="warn">${found.data.looked_ms ? t("alarms.late", { ago: ago(found.data.looked_ms) }) : t("alarms.never")}</${Notice}>`}
    ${unknown.length > 0 && html`<${Notice} kind="warn">${t("alarms.unknown")}<ul>${unknown.map(([name, why]) => html`<li key=${name}><${Text}>${`${name}: ${why}`}</${Text}></li>`)}</ul></${Notice}>`}
    ${!session.accounts && found.data && found.data.channels.length === 0 && html`<${Notice} kind="info">${t("alarms.channels.none")}</${Notice}>`}
    <${Tabs} tabs=${tabs} chosen=${chosen} onChoose=${(tab) => setQuery({ tab })} label=${t("alarms.title")}>
      ${chosen === "history" ? html`<${Past} />` : !found.data ? html`<${Waiting} of=${found} />`
    : chosen === "channels" ? html`<${Channels} found=${found} />` : html`<${Now} found=${found} />`}
    </${Tabs}>`;
}

export default { path: "alarms", title: "alarms.title", group: "watch", order: 20, needs: ["GET /api/alarms"], View };
