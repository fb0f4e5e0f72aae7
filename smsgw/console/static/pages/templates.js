// Texts that may be sent: written by one, approved by two others, changed only as a new version.

import { may, patch, post, useApi, useSite } from "../lib/api.js";
import { History, StateOf, Stepper, Steps } from "../lib/documents.js";
import { html, useState } from "../lib/html.js";
import { Card, Change, Facts, Filters, Head, Pager, Problem, Table, Waiting } from "../lib/parts.js";
import { go, link, setQuery } from "../lib/router.js";
import { t } from "../lib/words.js";

const LIMIT = 50;
const STATES = ["draft", "department-approved", "market-approved", "active", "suspended", "rejected", "expired", "superseded"];
const KINDS = ["text", "digits", "letters", "code", "amount", "date", "time"];
const path = (id) => `/api/templates/${encodeURIComponent(id)}`;

// "no:digits:4-12", one a line, as the commands write them.
const written = (variables) => variables.map((each) => `${each.name}:${each.kind}:${each.min_chars}-${each.max_chars}`).join("\n");
function parsed(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const match = line.match(/^([^:]+)(?::([a-z]+))?(?::(?:(\d+)-)?(\d+))?$/);
    if (!match) throw new Error(t("templates.variables.wrong", { line }));
    return { name: match[1].trim(), kind: match[2] || "text", min_chars: Number(match[3] || 1), max_chars: Number(match[4] || 20) };
  });
}

const contentFields = (of, site) => [
  { name: "text", label: t("templates.text"), type: "textarea", rows: 4, required: true, value: of?.text, max: 2000, hint: t("templates.text.hint"), wide: true },
  { name: "variables", label: t("templates.variables"), type: "textarea", rows: 2, value: of ? written(of.variables || []) : "", hint: t("templates.variables.hint", { kinds: KINDS.join(" ") }), wide: true },
  { name: "message_class", label: t("class"), type: "select", value: of?.message_class, options: site.classes.map((each) => [each, t(`class.${each}`)]) },
  { name: "account", label: t("account"), type: "select", value: of?.account ?? "", options: [["", t("any_account")], ...site.accounts.map((each) => each.name)] },
  { name: "campaign", label: t("templates.campaign"), value: of?.campaign },
  { name: "expires", label: t("expires"), type: "date", value: of?.expires, hint: t("expires.hint") },
];

export const TextOf = ({ children }) => html`<p class="message-text">${children.split(/(\{\w+\})/).map((part) => (/^\{\w+\}$/.test(part) ? html`<mark>${part}</mark>` : part))}</p>`;

function List({ query }) {
  const site = useSite();
  const { state = "", message_class = "", account = "", search = "", offset = "0" } = query;
  const found = useApi("/api/templates", { state, message_class, account, search, offset, limit: LIMIT });
  const columns = [
    { key: "id", label: t("templates.id"), main: true, render: (row) => `${row.id} v${row.version}` },
    { key: "text", label: t("templates.text"), wide: true },
    { key: "message_class", label: t("class"), render: (row) => t(`class.${row.message_class}`) },
    { key: "account", label: t("account"), render: (row) => row.account || t("any_account") },
    { key: "state", label: t("state"), render: (row) => html`<${StateOf} of=${row} />` },
  ];
  const fields = [
    { name: "search", label: t("search"), placeholder: t("templates.search") },
    { name: "state", label: t("state"), type: "select", options: [["", t("all")], ...STATES.map((each) => [each, t(`state.${each}`)])] },
    { name: "message_class", label: t("class"), type: "select", options: [["", t("all")], ...site.classes.map((each) => [each, t(`class.${each}`)])] },
    { name: "account", label: t("account"), type: "select", options: [["", t("all")], ...site.accounts.map((each) => each.name)] },
  ];
  const add = async ({ variables, ...values }) => post("/api/templates", { ...values, variables: parsed(variables) });
  return html`<${Head} about=${t("templates.about")}><${Change} label=${t("templates.add")} primary=${true} wide=${true} needs="POST /api/templates"
      fields=${[{ name: "id", label: t("templates.id"), required: true, max: 64, hint: t("templates.id.hint"), wide: true }, ...contentFields(null, site)]}
      run=${add} done=${(made) => go(["templates", made.id])} /></${Head}>
    <${Filters} fields=${fields} values=${{ state, message_class, account, search }} onChange=${(values) => setQuery({ ...values, offset: "" })} />
    <${Card}><${Table} label=${t("templates.title")} columns=${columns} of=${found} rows=${found.data?.items} rowKey=${(row) => `${row.id}@${row.version}`}
      onOpen=${(row) => go(["templates", row.id], { version: row.version })} /></${Card}>
    <${Pager} total=${found.data?.total} offset=${Number(offset)} limit=${LIMIT} onMove=${(to) => setQuery({ offset: to || "" })} />`;
}

const stages = () => [
  { label: t("steps.written"), actions: [["draft"]] },
  { label: t("step.approve-department"), actions: [["approve-department"]] },
  { label: t("step.approve-market"), actions: [["approve-market"]] },
  { label: t("step.activate"), actions: [["activate"]] },
];

function Versions({ id, current }) {
  const found = useApi(`${path(id)}/versions`);
  const rows = found.data && [...found.data].reverse();
  return html`<${Waiting} of=${found} rows=${rows} /><ul class="history">${(rows || []).map((each) => html`<li key=${each.version}>
    <a href=${link(["templates", id], { version: each.version })} aria-current=${each.version === current ? "true" : undefined}>${t("templates.version", { n: each.version })}</a>
    ${" "}<${StateOf} of=${each} /><div class="note">${each.text}</div></li>`)}</ul>`;
}

function One({ id, version, session }) {
  const site = useSite();
  const [round, setRound] = useState(0);
  const found = useApi(path(id), { version });
  const of = found.data;
  const again = () => { setRound(round + 1); return found.reload(); };
  const back = html`<p><a href=${link("templates")}>← ${t("back")}</a></p>`;
  if (!of) return html`${back}<${Waiting} of=${found} />`;
  const step = (action, why) => post(`${path(id)}/step`, { action, why, revision: of.revision }, { version: of.version });
  const change = ({ variables, why, ...values }) => patch(path(id), { ...values, variables: parsed(variables), why });
  return html`${back}<${Problem} error=${found.error} />
    <${Card} title=${`${of.id} · ${t("templates.version", { n: of.version })}`} actions=${html`<${StateOf} of=${of} />`}>
      <${TextOf}>${of.text}</${TextOf}>
      <${Stepper} stages=${stages()} document=${of} />
      <div class="buttons"><${Steps} kind="template" document=${of} session=${session} run=${step} done=${again} />
        <${Change} label=${t("templates.change")} intro=${t("templates.change.intro")} wide=${true} needs="PATCH /api/templates/{id}" fields=${contentFields(of, site)}
          run=${change} done=${(made) => go(["templates", id], { version: made.version })} />
        ${of.state === "active" && may("POST /api/pauses") && html`<${Change} label=${t("templates.pause")} danger=${true} needs="POST /api/pauses" intro=${t("templates.pause.intro")}
          run=${({ why }) => post("/api/pauses", { scope: `template:${id}`, why })} />`}</div>
    </${Card}>
    <div class="two">
      <${Card} title=${t("templates.facts")}><${Facts} of=${[
        [t("class"), t(`class.${of.message_class}`)], [t("account"), of.account || t("any_account")], [t("templates.campaign"), of.campaign],
        [t("expires"), of.expires || t("no_end")], [t("templates.author"), of.author],
        [t("templates.variables"), of.variables?.length > 0 && html`<ul>${of.variables.map((each) => html`<li key=${each.name}><code>{${each.name}}</code> ${t(`templates.kind.${each.kind}`)} ${each.min_chars}–${each.max_chars}</li>`)}</ul>`],
      ]} /><h3>${t("steps.history")}</h3><${History} rows=${of.history} /></${Card}>
      <${Card} title=${t("templates.versions")}><${Versions} key=${round} id=${id} current=${of.version} /></${Card}>
    </div>`;
}

const View = ({ args, query, session }) => (args[0]
  ? html`<${One} key=${`${args[0]} ${query.version}`} id=${args[0]} version=${query.version} session=${session} />` : html`<${List} query=${query} />`);

export default { path: "templates", title: "templates.title", group: "content", order: 10, needs: ["GET /api/templates", "GET /api/templates/{id}", "GET /api/templates/{id}/versions"], View };
