// Campaigns: when each may send.

import { patch, post, useSite } from "../lib/api.js";
import { html } from "../lib/html.js";
import { Register, accountFilter, searchFilter, stateFilter } from "../lib/register.js";
import { t } from "../lib/words.js";

const path = (row) => `/api/campaigns/${encodeURIComponent(row.id)}`;
const slotsOf = (text) => text.split(/[\s,，、]+/).filter(Boolean);

function View({ query, session }) {
  const site = useSite();
  const fields = (row) => [
    { name: "account", label: t("account"), type: "select", value: row?.account ?? "", options: [["", t("any_account")], ...site.accounts.map((each) => each.name)] },
    { name: "slots", label: t("campaigns.slots"), value: (row?.slots || []).join(" "), hint: t("campaigns.slots.hint"), max: 200 },
    { name: "starts", label: t("campaigns.starts"), type: "date", value: row?.starts }, { name: "ends", label: t("campaigns.ends"), type: "date", value: row?.ends },
  ];
  const body = ({ slots, ...values }) => ({ ...values, slots: slotsOf(slots) });
  const of = {
    kind: "campaign", path: "/api/campaigns", about: t("campaigns.about"), label: t("campaigns.title"), addLabel: t("campaigns.add"), nameOf: (row) => row.id,
    columns: [
      { key: "id", label: t("campaigns.name"), main: true }, { key: "account", label: t("account"), render: (row) => row.account || t("any_account") },
      { key: "slots", label: t("campaigns.slots"), wide: true, render: (row) => (row.slots || []).join(t("comma")) || t("campaigns.all_day") },
      { key: "starts", label: t("campaigns.starts") }, { key: "ends", label: t("campaigns.ends"), render: (row) => row.ends || t("no_end") },
    ],
    filters: [searchFilter(), accountFilter(site), stateFilter(["active", "suspended", "expired"])],
    needs: { add: "POST /api/campaigns", change: "PATCH /api/campaigns/{name}", step: "POST /api/campaigns/{name}/step" },
    addFields: [{ name: "name", label: t("campaigns.name"), required: true, max: 64, wide: true }, ...fields()], add: (values) => post("/api/campaigns", body(values)),
    changeFields: fields, change: (row, values) => patch(path(row), body(values)), step: (row, action, why) => post(`${path(row)}/step`, { action, why }),
  };
  return html`<${Register} of=${of} query=${query} session=${session} />`;
}

export default { path: "campaigns", title: "campaigns.title", group: "content", order: 30, needs: ["GET /api/campaigns"], View };
