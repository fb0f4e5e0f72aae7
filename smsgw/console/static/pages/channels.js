// Applications for channels: an account's or a carrier's papers, reviewed by three and approved by management.

import { patch, post, useApi, useSite } from "../lib/api.js";
import { History, StateOf, Stepper, Steps } from "../lib/documents.js";
import { html } from "../lib/html.js";
import { Card, Change, Facts, Filters, Head, Pager, Problem, Table, Waiting } from "../lib/parts.js";
import { go, link, setQuery } from "../lib/router.js";
import { t } from "../lib/words.js";

const LIMIT = 50;
const STATES = ["draft", "reviewed", "approved", "active", "suspended", "rejected", "expired"];
const path = (id) => `/api/channels/${encodeURIComponent(id)}`;
const nameOf = (id) => t(id.startsWith("carrier:") ? "channels.carrier" : "channels.account", { name: id.slice(id.indexOf(":") + 1) });

const papers = (of) => [
  { name: "licence", label: t("channels.licence"), required: true, value: of?.licence, max: 100 },
  { name: "licence_expires", label: t("channels.licence_expires"), type: "date", required: true, value: of?.licence_expires },
  { name: "expires", label: t("channels.expires"), type: "date", value: of?.expires, hint: t("expires.hint") },
];

function List({ query }) {
  const site = useSite();
  const { state = "", search = "", offset = "0" } = query;
  const found = useApi("/api/channels", { state, search, offset, limit: LIMIT });
  const columns = [
    { key: "id", label: t("channels.channel"), main: true, render: (row) => nameOf(row.id) },
    { key: "licence", label: t("channels.licence") },
    { key: "licence_expires", label: t("channels.licence_expires") },
    { key: "expires", label: t("channels.expires"), render: (row) => row.expires || t("no_end") },
    { key: "state", label: t("state"), render: (row) => html`<${StateOf} of=${row} />` },
  ];
  const options = [...site.accounts.map((each) => `account:${each.name}`), ...site.carriers.map((each) => `carrier:${each}`)];
  return html`<${Head} about=${t("channels.about")}><${Change} label=${t("channels.add")} primary=${true} needs="POST /api/channels"
      fields=${[{ name: "channel", label: t("channels.channel"), type: "select", required: true, options: [["", t("channels.choose")], ...options.map((each) => [each, nameOf(each)])], wide: true }, ...papers()]}
      run=${(values) => post("/api/channels", values)} done=${(made) => go(["channels", made.id])} /></${Head}>
    <${Filters} values=${{ state, search }} onChange=${(values) => setQuery({ ...values, offset: "" })} fields=${[
      { name: "search", label: t("search") },
      { name: "state", label: t("state"), type: "select", options: [["", t("all")], ...STATES.map((each) => [each, t(`state.${each}`)])] },
    ]} />
    <${Card}><${Table} label=${t("channels.title")} columns=${columns} of=${found} rows=${found.data?.items} onOpen=${(row) => go(["channels", row.id])} /></${Card}>
    <${Pager} total=${found.data?.total} offset=${Number(offset)} limit=${LIMIT} onMove=${(to) => setQuery({ offset: to || "" })} />`;
}

const stages = () => [
  { label: t("channels.applied"), actions: [["draft"]] },
  { label: t("channels.reviews"), actions: [["review-market", t("role.market")], ["review-legal", t("role.legal")], ["review-technical", t("role.technical")]] },
  { label: t("channels.management"), actions: [["approve"]] },
  { label: t("step.activate"), actions: [["activate"]] },
];

function One({ id, session }) {
  const found = useApi(path(id));
  const of = found.data;
  const back = html`<p><a href=${link("channels")}>← ${t("back")}</a></p>`;
  if (!of) return html`${back}<${Waiting} of=${found} />`;
  const step = (action, why) => post(`${path(id)}/step`, { action, why, revision: of.revision });
  return html`${back}<${Problem} error=${found.error} />
    <${Card} title=${nameOf(of.id)} actions=${html`<${StateOf} of=${of} />`}>
      <${Stepper} stages=${stages()} document=${of} />
      <div class="buttons"><${Steps} kind="channel" document=${of} session=${session} run=${step} done=${found.reload} />
        ${of.state === "draft" && html`<${Change} label=${t("channels.change")} intro=${t("channels.change.intro")} needs="PATCH /api/channels/{channel}" fields=${papers(of)}
          run=${(values) => patch(path(id), values)} done=${found.reload} />`}</div>
    </${Card}>
    <div class="two">
      <${Card} title=${t("channels.papers")}><${Facts} of=${[
        [t("channels.licence"), of.licence], [t("channels.licence_expires"), of.licence_expires], [t("channels.expires"), of.expires || t("no_end")], [t("channels.author"), of.author],
      ]} /></${Card}>
      <${Card} title=${t("steps.history")}><${History} rows=${of.history} /></${Card}>
    </div>`;
}

const View = ({ args, query, session }) => (args[0] ? html`<${One} key=${args[0]} id=${args[0]} session=${session} />` : html`<${List} query=${query} />`);

export default { path: "channels", title: "channels.title", group: "content", order: 60, needs: ["GET /api/channels", "GET /api/channels/{channel}"], View };
