// Who may come in and when they last did; an admin ends their sessions.

import { post, useApi } from "../lib/api.js";
import { html } from "../lib/html.js";
import { Card, Change, Facts, Head, Notice, Problem, Table, Tag, Time, Waiting } from "../lib/parts.js";
import { go, link } from "../lib/router.js";
import { duration, t } from "../lib/words.js";

const END = "POST /api/people/{name}/sessions/end";
const path = (name) => `/api/people/${encodeURIComponent(name)}/sessions`;
const joined = (items) => items.join(t("comma"));
const rolesOf = (row) => joined(row.roles.map((role) => t(`role.${role}`)));
const seenBy = (row) => (row.accounts === null ? t("people.accounts.all") : joined(row.accounts) || t("people.accounts.none"));
const waysOf = (row) => joined(row.ways.map((way) => t(`people.way.${way}`)));
const Enabled = ({ row }) => html`<${Tag} kind=${row.enabled ? "good" : "bad"}>${t(row.enabled ? "people.enabled" : "people.disabled")}</${Tag}>`;
const LastSignIn = ({ row }) => (row.last_sign_in ? html`<${Time} at=${row.last_sign_in} precision="minute" />` : t("people.never"));

function List() {
  const found = useApi("/api/people");
  const columns = [
    { key: "name", label: t("name"), main: true },
    { key: "roles", label: t("people.roles"), render: rolesOf, wide: true },
    { key: "accounts", label: t("people.accounts"), render: seenBy },
    { key: "ways", label: t("people.ways"), render: waysOf },
    { key: "last_sign_in", label: t("people.last"), render: (row) => html`<${LastSignIn} row=${row} />` },
    { key: "sessions", label: t("people.sessions"), num: true },
    { key: "enabled", label: t("state"), render: (row) => html`<${Enabled} row=${row} />` },
  ];
  return html`<${Head} about=${t("people.about")} />
    ${found.data?.since && html`<${Notice} kind="info">${t("people.since")} <${Time} at=${found.data.since} precision="minute" /></${Notice}>`}
    <${Card}><${Table} label=${t("people.title")} columns=${columns} of=${found} rows=${found.data?.items} rowKey="name"
      onOpen=${(row) => go(["people", row.name])} /></${Card}>`;
}

function One({ name }) {
  const people = useApi("/api/people");
  const found = useApi(path(name));
  const row = people.data?.items.find((each) => each.name === name);
  const back = html`<p><a href=${link("people")}>← ${t("back")}</a></p>`;
  if (!people.data) return html`${back}<${Waiting} of=${people} />`;
  const end = (which, why) => post(`${path(name)}/end`, { which, why });
  const again = () => Promise.all([found.reload(), people.reload()]);
  const columns = [
    { key: "began", label: t("people.began"), main: true, render: (each) => html`<${Time} at=${each.began} /> ${each.here && html`<${Tag} kind="good">${t("people.here")}</${Tag}>`}` },
    { key: "address", label: t("people.address"), render: (each) => html`<code>${each.address}</code>` },
    { key: "idle_s", label: t("people.idle"), num: true, render: (each) => duration(each.idle_s) },
    { key: "end", label: t("people.end"), acts: true, render: (each) => html`<${Change} label=${t("people.end")} small=${true} needs=${END}
        intro=${t("people.end.intro", { name, address: each.address })} run=${({ why }) => end(each.id, why)} done=${again} />` },
  ];
  return html`${back}<${Problem} error=${people.error} />
    ${row && html`<${Card} title=${row.name} actions=${html`<${Enabled} row=${row} />`}>
      <${Facts} of=${[
        [t("people.roles"), rolesOf(row)],
        [t("people.accounts"), seenBy(row)],
        [t("people.ways"), waysOf(row)],
        [t("people.last"), html`<${LastSignIn} row=${row} />`],
      ]} />
    </${Card}>`}
    <${Card} title=${t("people.sessions")} actions=${Boolean(found.data?.length) && html`<${Change} label=${t("people.end_all")} danger=${true} small=${true} needs=${END}
        intro=${t("people.end_all.intro", { name })} run=${({ why }) => end("all", why)} done=${again} />`}>
      <${Table} label=${t("people.sessions")} columns=${columns} of=${found} rows=${found.data} />
    </${Card}>`;
}

const View = ({ args }) => (args[0] ? html`<${One} name=${args[0]} />` : html`<${List} />`);

export default { path: "people", title: "people.title", group: "office", order: 80, needs: ["GET /api/people"], View };
