// Everything that pages are made of.

import { may } from "./api.js";
import { Dialog, whyField } from "./dialog.js";
import { Form, useId } from "./form.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { ago, t, tOr, time, visible } from "./words.js";

export { Change, Dialog, say, whyField } from "./dialog.js";
export { Field, Form, useId } from "./form.js";
export { Facts, Pager, Problem, Table, Waiting } from "./table.js";

// The head of a page: what it is for in a line, and its buttons.
export const Head = ({ about, children }) => html`<div class="head">${about && html`<p class="about">${about}</p>`}
  ${children && html`<div class="buttons">${children}</div>`}</div>`;

export const Card = ({ title, children, actions, kind = "" }) => html`<section class=${`card ${kind}`}>
  ${(title || actions) && html`<header>${title && html`<h2>${title}</h2>`}${actions && html`<div class="buttons">${actions}</div>`}</header>`}
  ${children}</section>`;

// kind: good, warn, bad, info, or none.
export const Tag = ({ kind = "", children }) => html`<span class=${`tag ${kind}`}>${children}</span>`;
export const Notice = ({ kind = "info", children }) => html`<div class=${`notice ${kind}`}><div class="grow">${children}</div></div>`;

// A state of a document, in words and colour.
const STATES = {
  active: "good", approved: "good", draft: "", suspended: "warn", paused: "warn", retired: "", rejected: "bad",
  expired: "bad", ended: "bad", department: "info", reviewed: "info", bound: "good", open: "good", down: "bad",
};
export const State = ({ of, kind }) => html`<${Tag} kind=${kind ?? STATES[of] ?? "info"}>${tOr(`state.${of}`, of)}</${Tag}>`;

// A time in the site's zone; how long ago on hovering. `precision`: second, minute, day, clock.
export const Time = ({ at, precision = "second" }) => html`<time title=${at ? ago(at) : undefined}>${time(at, precision)}</time>`;

// A short form of an id, with a button that copies it whole.
export function Id({ of, short = true }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(of).catch(() => undefined);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return html`<span class="id"><code title=${of}>${short && of.length > 14 ? `${of.slice(0, 6)}…${of.slice(-6)}` : of}</code>
    <button type="button" class="icon" aria-label=${t("copy", { what: of })} onClick=${copy}>${copied ? "✓" : copyMark()}</button></span>`;
}
const copyMark = () => html`<svg width="14" height="14" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" aria-hidden="true">
  <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" /><path d="M3.5 10.5h-.5a1 1 0 0 1-1-1V3a1 1 0 0 1 1-1h6.5a1 1 0 0 1 1 1v.5" /></svg>`;

// Text that came from outside, with hidden characters made visible.
export const Text = ({ children }) => html`<span class="text">${visible(children)}</span>`;

// A number: masked, and whole for who may do `needs`, gives a reason and so gets into the audit log.
// `reveal(why)` asks for it and answers the whole number.
export function Masked({ number, reveal, needs }) {
  const [whole, setWhole] = useState("");
  const [asking, setAsking] = useState(false);
  const shown = useRef(null);
  useEffect(() => { if (whole) shown.current.focus(); }, [whole]);
  if (whole) return html`<code class="number revealed" tabindex="-1" ref=${shown}>${whole}</code>`;
  const run = async ({ why }) => {
    setWhole(await reveal(why));
    setAsking(false);
  };
  return html`<span class="number"><code>${number}</code>
    ${reveal && (!needs || may(needs)) && html`<button type="button" class="small quiet" onClick=${() => setAsking(true)}>${t("reveal")}</button>`}
    ${asking && html`<${Dialog} title=${t("reveal.title")} onClose=${() => setAsking(false)}>
      <div class="intro">${t("reveal.intro")}</div>
      <${Form} fields=${[whyField()]} run=${run} submit=${t("reveal")} onCancel=${() => setAsking(false)} autofocus=${true} />
    </${Dialog}>`}</span>`;
}

// tabs: [[name, label], …]. Arrow keys move between them, as everywhere.
export function Tabs({ tabs, chosen, onChoose, label, children }) {
  const id = useId("t");
  const list = useRef(null);
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (tabs.findIndex(([name]) => name === chosen) + step + tabs.length) % tabs.length;
    onChoose(tabs[next][0]);
    list.current.children[next].focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} ref=${list} onKeyDown=${move}>
    ${tabs.map(([name, text]) => html`<button type="button" role="tab" id=${`${id}-${name}`} key=${name} aria-controls=${`${id}-panel`}
      aria-selected=${String(name === chosen)} tabindex=${name === chosen ? 0 : -1} onClick=${() => onChoose(name)}>${text}</button>`)}
  </div>
  <div role="tabpanel" id=${`${id}-panel`} aria-labelledby=${`${id}-${chosen}`}>${children}</div>`;
}

// A row of filters above a list. fields as of a Form, `values` and `onChange(values)` belong to the page.
export function Filters({ fields, values, onChange, children }) {
  const id = useId("q");
  const set = (name, value) => onChange({ ...values, [name]: value });
  return html`<form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
    ${fields.filter(Boolean).map((field) => html`<div class="field" key=${field.name}><label for=${`${id}-${field.name}`}>${field.label}</label>
      ${field.type === "select"
        ? html`<select id=${`${id}-${field.name}`} value=${values[field.name] ?? ""} onChange=${(event) => set(field.name, event.currentTarget.value)}>
            ${field.options.map((each) => (Array.isArray(each) ? each : [each, each])).map(([value, label]) => html`<option key=${value}
              value=${value} selected=${value === (values[field.name] ?? "")}>${label}</option>`)}</select>`
        : html`<${Soon} id=${`${id}-${field.name}`} type=${field.type || "search"} value=${values[field.name] ?? ""}
            placeholder=${field.placeholder} onSet=${(value) => set(field.name, value)} />`}</div>`)}
    ${children}
  </form>`;
}

// An input that tells what was typed when the typing has paused.
function Soon({ id, type, value, placeholder, onSet }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return undefined;
    const timer = setTimeout(() => onSet(typed), 250);
    return () => clearTimeout(timer);
  }, [typed]);
  return html`<input id=${id} type=${type} value=${typed} placeholder=${placeholder} autocomplete="off" onInput=${(event) => setTyped(event.currentTarget.value)} />`;
}

// One figure with its name.
export const Figure = ({ label, value, note, kind = "" }) => html`<div class=${`figure ${kind}`}>
  <div class="label">${label}</div><div class="value">${value}</div>${note && html`<div class="note">${note}</div>`}</div>`;
export const Figures = ({ children }) => html`<div class="figures">${children}</div>`;

