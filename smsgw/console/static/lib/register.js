// A simple register: a list with filters, a form for a new entry, and for each row a change, its steps and its removal.

import { may, useApi } from "./api.js";
import { History, StateOf, Steps } from "./documents.js";
import { html, useState } from "./html.js";
import { Card, Change, Filters, Head, Pager, Table } from "./parts.js";
import { setQuery } from "./router.js";
import { t } from "./words.js";

const LIMIT = 50;

// of: {name (the page), kind (of steps), path, about, addLabel, columns, filters, addFields, add(values), changeFields(row),
// change(row, values), step(row, action, why), remove(row, why), needs: {add, change, step, remove}, more(row)}.
export function Register({ of, query, session, children }) {
  const [open, setOpen] = useState("");
  const names = of.filters.map((each) => each.name);
  const values = Object.fromEntries(names.map((name) => [name, query[name] || ""]));
  const offset = Number(query.offset || 0);
  const found = useApi(of.path, { ...values, offset, limit: LIMIT });
  const acts = (row) => {
    const shown = [
      of.change && may(of.needs.change) && (!of.changeable || of.changeable(row)) && html`<${Change} key="change" label=${t("register.change")} small=${true} needs=${of.needs.change} fields=${of.changeFields(row)}
        intro=${of.nameOf(row)} run=${(given) => of.change(row, given)} done=${found.reload} />`,
      of.step && may(of.needs.step) && html`<${Steps} key="step" kind=${of.kind} document=${row} session=${session} small=${true} run=${(action, why) => of.step(row, action, why)} done=${found.reload} />`,
      of.remove && may(of.needs.remove) && html`<${Change} key="remove" label=${t("register.remove")} small=${true} danger=${true} needs=${of.needs.remove} intro=${of.nameOf(row)}
        run=${({ why }) => of.remove(row, why)} done=${found.reload} />`,
    ].filter(Boolean);
    return shown.length > 0 ? shown : null;
  };
  const columns = [
    ...of.columns,
    of.kind && { key: "state", label: t("state"), render: (row) => html`<${StateOf} of=${row} />${open === row.id && html`<div class="detail"><${History} rows=${row.history} /></div>`}` },
    { key: "acts", label: t("register.acts"), acts: true, render: acts },
  ];
  return html`<${Head} about=${of.about}>${children}<${Change} label=${of.addLabel} primary=${true} needs=${of.needs.add} fields=${of.addFields} run=${of.add} done=${found.reload} /></${Head}>
    <${Filters} fields=${of.filters} values=${values} onChange=${(given) => setQuery({ ...given, offset: "" })} />
    <${Card}><${Table} label=${of.label} columns=${columns} of=${found} rows=${found.data?.items} onOpen=${of.kind ? (row) => setOpen(open === row.id ? "" : row.id) : undefined}
      picked=${of.kind ? (row) => open === row.id : undefined} /></${Card}>
    <${Pager} total=${found.data?.total} offset=${offset} limit=${LIMIT} onMove=${(to) => setQuery({ offset: to || "" })} />`;
}

// Fields and filters that several registers have.
export const accountFilter = (site) => ({ name: "account", label: t("account"), type: "select", options: [["", t("all")], ...site.accounts.map((each) => each.name)] });
export const stateFilter = (states) => ({ name: "state", label: t("state"), type: "select", options: [["", t("all")], ...states.map((each) => [each, t(`state.${each}`)])] });
export const searchFilter = () => ({ name: "search", label: t("search") });
export const expiresField = (value) => ({ name: "expires", label: t("expires"), type: "date", value, hint: t("expires.hint") });
export const ownerField = (value, required = false) => ({ name: "owner", label: t("owner"), value, max: 100, required });
