// Dialogs: the browser's own, which keep the focus, end with Escape and give the focus back.

import { may } from "./api.js";
import { Form } from "./form.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { useId } from "./form.js";
import { t } from "./words.js";

export function Dialog({ title, onClose, children, wide = false }) {
  const ref = useRef(null);
  const id = useId("d");
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog.showModal();
    dialog.querySelector("[autofocus], input, select, textarea")?.focus();
    return () => {
      dialog.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  const cancel = (event) => { event.preventDefault(); onClose(); };
  const outside = (event) => { if (event.target === ref.current) onClose(); };
  return html`<dialog ref=${ref} class=${wide ? "wide" : ""} aria-labelledby=${id} onCancel=${cancel} onMouseDown=${outside}>
    <div class="dialog">
      <header><h2 id=${id}>${title}</h2>
        <button type="button" class="icon" aria-label=${t("close")} onClick=${onClose}>✕</button></header>
      ${children}
    </div>
  </dialog>`;
}

export const whyField = () => ({
  name: "why", label: t("why"), type: "textarea", required: true, rows: 2, max: 500, hint: t("why.hint"), wide: true,
});

// A change: a button (only for who may do `needs`) and its dialog, which asks for `fields` and always for the reason.
// run(values) gets what was entered and `why`; then the dialog closes, `done` is told and `said` is announced.
// With `open` the dialog is there without a button, and `onClose` is told when it was given up.
export function Change({
  label, title, intro, fields = [], run, done, needs, danger = false, primary = false, confirm, said, wide, small, why = true, open = false, onClose,
}) {
  const [isOpen, setOpen] = useState(open);
  useEffect(() => setOpen(open), [open]);
  if (needs && !may(...[needs].flat())) return null;
  const all = (values) => [...(typeof fields === "function" ? fields(values) : fields), why && whyField()];
  const close = () => { setOpen(false); onClose?.(); };
  const go = async (values) => {
    const answer = await run(values);
    setOpen(false);
    say(said ? (typeof said === "function" ? said(answer, values) : said) : t("done"));
    await done?.(answer, values);
  };
  const kind = [danger ? "danger" : primary ? "primary" : "", small ? "small" : ""].join(" ").trim();
  return html`${!open && html`<button type="button" class=${kind} onClick=${() => setOpen(true)}>${label}</button>`}
    ${isOpen && html`<${Dialog} title=${title || label} onClose=${close} wide=${wide}>
      ${intro && html`<div class="intro">${intro}</div>`}
      <${Form} fields=${all} run=${go} submit=${confirm || label} danger=${danger} onCancel=${close} autofocus=${true} />
    </${Dialog}>`}`;
}

// Tells in a corner, and to a screen reader, what was done.
const listeners = new Set();
export const say = (text) => listeners.forEach((call) => call(text));

export function Said() {
  const [said, setSaid] = useState({ text: "", n: 0 });
  useEffect(() => {
    const hear = (text) => setSaid((old) => ({ text, n: old.n + 1 }));
    listeners.add(hear);
    return () => listeners.delete(hear);
  }, []);
  useEffect(() => {
    if (!said.text) return undefined;
    const timer = setTimeout(() => setSaid((old) => (old.n === said.n ? { text: "", n: old.n } : old)), 6000);
    return () => clearTimeout(timer);
  }, [said.n]);
  return html`<div class="said" role="status" aria-live="polite">${said.text && html`<span key=${said.n}>${said.text}</span>`}</div>`;
}
