// What is known of one number, and what may be done about it; lists from files.

import { may, post, upload, useSite } from "../lib/api.js";
import { html, useState } from "../lib/html.js";
import { Card, Change, Form, Head, Notice, Table, Tabs, Tag, Text, Time, whyField } from "../lib/parts.js";
import { setQuery } from "../lib/router.js";
import { currentLanguage, number as written, t, tOr } from "../lib/words.js";

const BAD = { optout: "warn", blacklist: "bad", dead: "bad", failures: "warn", consent: "good", subscribe: "good", tier: "info" };

function scopeFields(site) {
  const names = (kind) => (kind === "account" ? site.accounts.map((each) => each.name) : [...new Set(site.accounts.flatMap((each) => each.signatures))]);
  return (values) => [
    { name: "scope", label: t("recipients.scope"), type: "select", options: ["company", "account", "signature"].map((each) => [each, t(`recipients.scope.${each}`)]) },
    values.scope === "account" && { name: "account", label: t("account"), type: "select", options: names("account") },
    values.scope === "signature" && { name: "signature", label: t("recipients.scope.signature"), type: "select", options: names("signature") },
  ];
}
const expiresField = () => ({ name: "expires", label: t("expires"), type: "date", hint: t("expires.hint") });
const sourceField = (hint) => ({ name: "source", label: t("recipients.source"), hint, max: 100 });

// Every change that can be made of one number: what it asks for beside the reason.
function changes(site) {
  const scope = scopeFields(site);
  return [
    { key: "optout", path: "/api/optouts", fields: (values) => [...scope(values), sourceField()], danger: true },
    { key: "subscribe", path: "/api/optouts/remove", fields: (values) => [...scope(values), sourceField()] },
    { key: "consent", path: "/api/consents", fields: (values) => [...scope(values), { ...sourceField(t("recipients.source.hint")), required: true }, { name: "wording", label: t("recipients.wording"), required: true, max: 100 }, { name: "at", label: t("recipients.given"), type: "datetime", hint: t("recipients.given.hint") }] },
    { key: "complaint", path: "/api/complaints", fields: [sourceField("12321, 12300…"), expiresField()], danger: true },
    { key: "blacklist", path: "/api/blacklist", fields: [expiresField()], danger: true },
    { key: "unlist", path: "/api/blacklist/remove", fields: [{ name: "carrier", label: t("recipients.of"), type: "select", options: [["", t("recipients.scope.company")], ...site.carriers] }] },
    { key: "dead", path: "/api/dead-numbers", fields: [expiresField()] },
    { key: "alive", path: "/api/dead-numbers/forget", fields: [] },
    { key: "tier", path: "/api/tiers", fields: [{ name: "tier", label: t("recipients.tier"), type: "select", options: [["", t("recipients.tier.none")], ...site.tiers] }] },
  ].filter((each) => may(`POST ${each.path}`));
}

function scopeText(scope) {
  const [what, ...name] = scope.split(" ");
  return html`${tOr(`recipients.scope.${what}`, what)} ${name.join(" ")}`;
}

function Known({ known, number, onKnown }) {
  const site = useSite();
  const [said, setSaid] = useState(null);
  const columns = [
    { key: "kind", label: t("recipients.kind"), main: true, render: (row) => html`<${Tag} kind=${row.in_force ? BAD[row.kind] : ""}>${tOr(`recipients.kind.${row.kind}`, row.kind)}</${Tag}>${!row.in_force && html` <span class="note">${t("recipients.not_in_force")}</span>`}` },
    { key: "scope", label: t("recipients.scope"), render: (row) => row.scope && scopeText(row.scope) },
    { key: "source", label: t("recipients.source"), wide: true, render: (row) => html`<${Text}>${[row.source, row.wording, row.count ? t("recipients.count", { n: written(row.count) }) : "", row.digest].filter(Boolean).join(" · ")}</${Text}>` },
    { key: "by", label: t("recipients.by") },
    { key: "at", label: t("recipients.at"), render: (row) => row.at && html`<${Time} at=${row.at} precision="minute" />` },
    { key: "expires", label: t("expires"), render: (row) => row.expires && html`<${Time} at=${row.expires} precision="minute" />` },
  ];
  const run = (path) => async ({ scope, ...values }) => {
    const at = values.at ? values.at.replace("T", " ") : undefined;
    const found = await post(path, { ...values, ...(values.at !== undefined ? { at: at || "" } : {}), number });
    onKnown(found);
    setSaid(found.changed ? null : found.why_not);
  };
  return html`<${Card} title=${html`<code>${known.number}</code>`}>
    ${said && html`<${Notice} kind="warn">${t("recipients.unchanged", { why: said })}</${Notice}>`}
    <${Table} label=${known.number} columns=${columns} rows=${known.facts} rowKey=${(row, index) => index} empty=${t("recipients.nothing")} />
    <div class="buttons">${changes(site).map((each) => html`<${Change} key=${each.key} label=${t(`recipients.do.${each.key}`)} danger=${each.danger}
      intro=${html`<code>${known.number}</code> ${tOr(`recipients.about.${each.key}`, "")}`} fields=${each.fields} run=${run(each.path)} />`)}</div>
  </${Card}>`;
}

function One() {
  const [found, setFound] = useState(null);
  const look = async ({ number }) => setFound({ number, known: await post("/api/recipients/show", { number }) });
  return html`<${Card}><${Form} inline=${true} submit=${t("recipients.look")} run=${look} autofocus=${true}
      fields=${[{ name: "number", label: t("recipients.number"), required: true, inputmode: "tel", placeholder: "13800138000", max: 40 }]} /></${Card}>
    ${found && html`<${Known} key=${found.number} known=${found.known} number=${found.number} onKnown=${(known) => setFound({ ...found, known })} />`}`;
}

const LISTS = ["optouts", "consents", "blacklist", "dead-numbers", "tiers"];
const allowed = () => LISTS.filter((each) => may(`POST /api/${each}/import`));

function Import() {
  const [done, setDone] = useState(null);
  const fields = (values) => [
    { name: "list", label: t("recipients.list"), type: "select", options: allowed().map((each) => [each, t(`recipients.list.${each}`)]) },
    { name: "file", label: t("recipients.file"), type: "file", accept: ".csv,text/csv", required: true, hint: t(`recipients.columns.${values.list || allowed()[0]}`) },
    { name: "skip_wrong", label: t("recipients.skip_wrong"), type: "checkbox", hint: t("recipients.skip_wrong.hint"), wide: true },
    whyField(),
  ];
  const run = async ({ list, file, skip_wrong, why }) => {
    setDone(null);
    setDone(await upload(`/api/${list}/import`, file, { why, skip_wrong }));
  };
  const counts = done && Object.entries(done).filter(([, value]) => typeof value === "number");
  return html`<${Card}><p class="intro">${t("recipients.import.about")}</p><${Form} submit=${t("recipients.import")} fields=${fields} run=${run} />
    ${done && html`<${Notice} kind=${done.wrong ? "warn" : "good"}>${t("recipients.imported")} ${counts.map(([name, value]) => `${tOr(`recipients.imported.${name}`, name)} ${written(value)}`).join(t("comma"))}
      ${done.faults.length > 0 && html`<ol class="lines">${done.faults.map((each) => html`<li key=${each.line}>${t("list.line", { line: each.line, column: each.column || "" })} ${(currentLanguage() === "zh" && each.why_zh) || each.why}</li>`)}</ol>`}</${Notice}>`}
  </${Card}>`;
}

function View({ query }) {
  const tab = query.tab === "lists" && allowed().length > 0 ? "lists" : "one";
  const tabs = [["one", t("recipients.tab.one")], allowed().length > 0 && ["lists", t("recipients.tab.lists")]].filter(Boolean);
  return html`<${Head} about=${t("recipients.about")} />
    <${Tabs} tabs=${tabs} chosen=${tab} label=${t("recipients.title")} onChoose=${(name) => setQuery({ tab: name === "one" ? "" : name })}>
      ${tab === "one" ? html`<${One} />` : html`<${Import} />`}</${Tabs}>`;
}

export default { path: "recipients", title: "recipients.title", group: "recipients", order: 10, needs: ["POST /api/recipients/show"], View };
