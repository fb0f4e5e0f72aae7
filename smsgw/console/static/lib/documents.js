// Documents that pass through a review: who has done which step, and what this person may do next.

import { useSite } from "./api.js";
import { Change, State, Tag, Time } from "./parts.js";
import { html } from "./html.js";
import { t, tOr } from "./words.js";

const WRITES = ["draft", "change", "reopen"];
const same = (name) => name.normalize("NFKC").toLowerCase().replace(/\s/g, "");

// The rows behind the last change of content: only these looked at what there is now.
export function sinceChange(history) {
  let first = 0;
  history.forEach((row, index) => { if (WRITES.includes(row.action)) first = index; });
  return history.slice(first);
}

// Why this person can't take a review, or "".
function otherEyes(step, document, session) {
  const me = same(session.name);
  const writers = document.history.filter((row) => WRITES.includes(row.action)).map((row) => row.who).concat(document.author || "");
  if (writers.some((name) => same(name) === me)) return t("steps.wrote_it");
  if (sinceChange(document.history).some((row) => same(row.who) === me && !WRITES.includes(row.action))) return t("steps.looked_at_it");
  return "";
}

// The steps that the document's state allows and this person's role may take: [{action, why}], why not in words.
export function stepsOf(kind, document, session) {
  const done = sinceChange(document.history || []).map((row) => row.action);
  return (useSite().steps?.[kind] || [])
    .filter((step) => step.action !== "supersede" && step.before.includes(document.state || "draft"))
    .filter((step) => !(step.review && done.includes(step.action)))
    .filter((step) => step.roles.some((role) => session.roles.includes(role)) || (!step.review && session.roles.includes("admin")))
    .map((step) => ({ action: step.action, why: step.review ? otherEyes(step, document, session) : "" }));
}

const DANGER = ["reject", "suspend", "expire"];

// Buttons of what this person may do next; run(action, why) does it.
export function Steps({ kind, document, session, run, done, small = false }) {
  const steps = stepsOf(kind, document, session);
  if (steps.length === 0) return null;
  return steps.map(({ action, why }) => (why
    ? html`<span class="cannot" key=${action}><button type="button" class=${small ? "small" : ""} disabled>${t(`step.${action}`)}</button> <span class="note">${why}</span></span>`
    : html`<${Change} key=${action} label=${t(`step.${action}`)} small=${small} danger=${DANGER.includes(action)} primary=${!DANGER.includes(action) && !small}
        run=${(values) => run(action, values.why)} done=${done} />`));
}

// The way of a document to being in force. stages: [{label, actions: [[action, label], …]}], the actions of a stage in any order.
export function Stepper({ stages, document }) {
  const rows = sinceChange(document.history || []);
  const ended = ["rejected", "superseded", "expired", "suspended"].includes(document.state);
  let isNext = !ended;
  return html`<ol class="stepper" aria-label=${t("steps.way")}>${stages.map((stage) => {
    const found = stage.actions.map(([action, label]) => ({ label, row: rows.findLast((row) => row.action === action || (action === "draft" && WRITES.includes(row.action))) }));
    const isDone = found.every((each) => each.row);
    const state = isDone ? "done" : isNext ? "now" : "later";
    if (!isDone) isNext = false;
    return html`<li class=${state} key=${stage.label} aria-current=${state === "now" ? "step" : undefined}>
      <div class="stage"><span class="mark" aria-hidden="true">${isDone ? "✓" : ""}</span>${stage.label} ${state === "now" && html`<${Tag} kind="info">${t("steps.now")}</${Tag}>`}</div>
      ${found.map(({ label, row }) => html`<div class="doer" key=${label}>${found.length > 1 && html`<span>${label}</span> `}
        ${row ? html`<strong>${row.who}</strong> <${Time} at=${row.at_ms} precision="minute" />${row.note && html`<div class="note">${row.note}</div>`}` : found.length > 1 || state !== "later" ? html`<span class="note">${t("steps.open")}</span>` : null}</div>`)}
    </li>`;
  })}
  ${ended && html`<li class="ended"><div class="stage"><span class="mark" aria-hidden="true">!</span><${State} of=${document.state} /></div>
    ${last(rows)}</li>`}</ol>`;
}

const last = (rows) => {
  const row = rows[rows.length - 1];
  return row && html`<div class="doer"><strong>${row.who}</strong> <${Time} at=${row.at_ms} precision="minute" /><div class="note">${row.note}</div></div>`;
};

// Everything that was done with it, newest first.
export const History = ({ rows }) => html`<ol class="history">${[...(rows || [])].reverse().map((row, index) => html`<li key=${index}>
  <span>${tOr(`step.${row.action}`, row.action)}</span> <strong>${row.who}</strong> <${Time} at=${row.at_ms} precision="minute" />
  ${row.note && html`<div class="note">${row.note}</div>`}</li>`)}</ol>`;

// A document's state; of an active one whose last day is over, that.
export const StateOf = ({ of }) => html`<${State} of=${of.ended ? "ended" : of.state} />`;
