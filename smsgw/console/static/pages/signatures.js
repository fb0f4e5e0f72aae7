// Signatures beside those of the site's files: whose they are, and what proves it.

import { patch, post, useSite } from "../lib/api.js";
import { html } from "../lib/html.js";
import { Register, accountFilter, expiresField, ownerField, searchFilter, stateFilter } from "../lib/register.js";
import { t } from "../lib/words.js";

const path = (row) => `/api/signatures/${encodeURIComponent(row.account)}/${encodeURIComponent(row.name)}`;

function View({ query, session }) {
  const site = useSite();
  const papers = (row) => [ownerField(row?.owner, true), { name: "proof", label: t("signatures.proof"), value: row?.proof, required: true, max: 200 }, expiresField(row?.expires)];
  const of = {
    kind: "signature", path: "/api/signatures", about: t("signatures.about"), label: t("signatures.title"), addLabel: t("signatures.add"), nameOf: (row) => `【${row.name}】 ${row.account}`,
    columns: [
      { key: "name", label: t("signatures.name"), main: true, render: (row) => `【${row.name}】` }, { key: "account", label: t("account") }, { key: "owner", label: t("owner") },
      { key: "proof", label: t("signatures.proof"), wide: true }, { key: "expires", label: t("expires"), render: (row) => row.expires || t("no_end") },
    ],
    filters: [searchFilter(), accountFilter(site), stateFilter(["draft", "active", "suspended", "expired"])],
    needs: { add: "POST /api/signatures", change: "PATCH /api/signatures/{account}/{name}", step: "POST /api/signatures/{account}/{name}/step" },
    addFields: [
      { name: "account", label: t("account"), type: "select", options: site.accounts.map((each) => each.name) },
      { name: "name", label: t("signatures.name"), required: true, max: 20, hint: t("signatures.name.hint") }, ...papers(),
    ],
    add: (values) => post("/api/signatures", values),
    changeFields: papers, change: (row, values) => patch(path(row), values),
    step: (row, action, why) => post(`${path(row)}/step`, { action, why, revision: row.revision }),
  };
  return html`<${Register} of=${of} query=${query} session=${session} />`;
}

export default { path: "signatures", title: "signatures.title", group: "content", order: 20, needs: ["GET /api/signatures"], View };
