// Links and phone numbers that texts may name.

import { patch, post, useSite } from "../lib/api.js";
import { html } from "../lib/html.js";
import { Register, accountFilter, expiresField, ownerField, searchFilter, stateFilter } from "../lib/register.js";
import { t } from "../lib/words.js";

const KINDS = ["link", "phone"];
const key = (row) => ({ account: row.account, kind: row.kind, value: row.value });
const nameOf = (account) => (account === "*" ? t("contacts.company") : account);

function View({ query, session }) {
  const site = useSite();
  const kinds = KINDS.map((each) => [each, t(`contacts.kind.${each}`)]);
  const papers = (row) => [ownerField(row?.owner), expiresField(row?.expires)];
  const of = {
    kind: "contact", path: "/api/contacts", about: t("contacts.about"), label: t("contacts.title"), addLabel: t("contacts.add"), nameOf: (row) => row.value,
    columns: [
      { key: "value", label: t("contacts.value"), main: true }, { key: "kind", label: t("contacts.kind"), render: (row) => t(`contacts.kind.${row.kind}`) },
      { key: "account", label: t("account"), render: (row) => nameOf(row.account) }, { key: "owner", label: t("owner"), wide: true },
      { key: "expires", label: t("expires"), render: (row) => row.expires || t("no_end") },
    ],
    filters: [searchFilter(), { name: "kind", label: t("contacts.kind"), type: "select", options: [["", t("all")], ...kinds] }, accountFilter(site), stateFilter(["active", "suspended", "expired"])],
    needs: { add: "POST /api/contacts", change: "PATCH /api/contacts", step: "POST /api/contacts/step", remove: "POST /api/contacts/remove" },
    addFields: [
      { name: "kind", label: t("contacts.kind"), type: "select", options: kinds },
      { name: "account", label: t("account"), type: "select", options: [["*", t("contacts.company")], ...site.accounts.map((each) => each.name)] },
      { name: "value", label: t("contacts.value"), required: true, max: 200, hint: t("contacts.value.hint"), wide: true }, ...papers(),
    ],
    add: (values) => post("/api/contacts", values), changeFields: papers, change: (row, values) => patch("/api/contacts", { ...key(row), ...values }),
    step: (row, action, why) => post("/api/contacts/step", { ...key(row), action, why }), remove: (row, why) => post("/api/contacts/remove", { ...key(row), why }),
  };
  return html`<${Register} of=${of} query=${query} session=${session} />`;
}

export default { path: "contacts", title: "contacts.title", group: "content", order: 50, needs: ["GET /api/contacts"], View };
