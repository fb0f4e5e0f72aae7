// Tables that are cards on a telephone, and what belongs to them.

import { html } from "./html.js";
import { number, t } from "./words.js";

// What stands where a list would: it is loading, can't be had, or is empty. Null when there are rows to show.
export function Waiting({ of, rows, empty }) {
  if (of?.error && !of.data) return html`<${Problem} error=${of.error} again=${of.reload} />`;
  if (of?.loading && !of.data) return html`<p class="waiting" role="status"><span class="spinner" aria-hidden="true"></span>${t("loading")}</p>`;
  if (!rows || rows.length === 0) return html`<div class="empty">${empty || t("table.empty")}</div>`;
  return null;
}

const isNone = (value) => value === null || value === undefined || value === "" || value === false;

// An error as a sentence, with the wrong lines of a list, and a button to try again.
export function Problem({ error, again }) {
  if (!error) return null;
  return html`<div class="notice bad" role="alert">
    <div class="grow">${error.message}
      ${error.lines?.length > 0 && html`<ol class="lines">${error.lines.slice(0, 100).map((each) => html`
        <li key=${each.line}>${t("list.line", { line: each.line, column: each.column || "" })} ${each.why}</li>`)}</ol>`}
    </div>
    ${again && html`<button type="button" class="quiet" onClick=${again}>${t("again")}</button>`}
  </div>`;
}

// columns: [{key, label, render(row), num, wide, main, acts}] (num: to the right; wide: takes what is left and breaks;
// main: the card's heading; acts: buttons, its label is for who can't see it). `of`: what useApi gave; `rows` of it. `label` says what the table is to who can't see it,
// for the box around it too: a browser makes that a stop for Tab where the table is wider than the box.
// `onOpen(row)` makes the main cell a button that opens the row; `picked(row)` marks it.
export function Table({ columns, rows, of, label, empty, rowKey = "id", onOpen, picked }) {
  const waiting = html`<${Waiting} of=${of} rows=${rows} empty=${empty} />`;
  if (!rows || rows.length === 0 || (of && !of.data)) return waiting;
  const keyOf = typeof rowKey === "function" ? rowKey : (row) => row[rowKey];
  const shown = columns.filter(Boolean);
  const main = shown.find((column) => column.main) || shown[0];
  const cell = (column, row) => {
    const found = column.render ? column.render(row) : row[column.key];
    const value = isNone(found) ? (column.acts ? null : "—") : found;
    if (!onOpen || column !== main) return value;
    return html`<button type="button" class="link" aria-expanded=${picked ? String(picked(row)) : undefined} onClick=${() => onOpen(row)}>${value}</button>`;
  };
  const kind = (column, row) => [column.num && "num", column.wide && "wide", column === main && "main", column.acts && "acts",
    column.acts && row && isNone(column.render(row)) && "none"].filter(Boolean).join(" ");
  return html`<div class="table-box" role="group" aria-label=${label}>
    ${of?.error && html`<${Problem} error=${of.error} again=${of.reload} />`}
    <table aria-label=${label} aria-busy=${of?.loading ? "true" : undefined}>
      <thead><tr>${shown.map((column) => html`<th scope="col" class=${kind(column)} key=${column.key}>${column.acts ? html`<span class="hidden">${column.label}</span>` : column.label}</th>`)}</tr></thead>
      <tbody>${rows.map((row, index) => html`<tr key=${keyOf(row, index)} class=${picked?.(row) ? "picked" : ""}>
        ${shown.map((column) => html`<td class=${kind(column, row)} data-label=${column.label} key=${column.key}><div>${cell(column, row)}</div></td>`)}
      </tr>`)}</tbody>
    </table>
  </div>`;
}

// Of {total, offset}: which rows are shown, and buttons to the ones before and after. Nothing when all are.
export function Pager({ total, offset = 0, limit = 50, onMove }) {
  if (!total || (total <= limit && offset === 0)) return null;
  const last = Math.min(offset + limit, total);
  return html`<nav class="pager" aria-label=${t("pager")}>
    <span>${t("pager.rows", { first: number(offset + 1), last: number(last), total: number(total) })}</span>
    <button type="button" aria-disabled=${String(offset === 0)} onClick=${() => offset > 0 && onMove(Math.max(0, offset - limit))}>${t("pager.before")}</button>
    <button type="button" aria-disabled=${String(last >= total)} onClick=${() => last < total && onMove(offset + limit)}>${t("pager.after")}</button>
  </nav>`;
}

// Terms and what they are: [[term, value], …]; what is empty is left out.
export function Facts({ of }) {
  const shown = of.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined && pair[1] !== "" && pair[1] !== false);
  return html`<dl class="facts">${shown.map(([term, value]) => html`<div key=${term}><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`;
}
