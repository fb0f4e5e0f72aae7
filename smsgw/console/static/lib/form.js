// Forms from a list of their fields, so that every label, hint and error is where it belongs.

import { html, useEffect, useRef, useState } from "./html.js";
import { Problem } from "./table.js";
import { t } from "./words.js";

let made = 0;
export function useId(stem = "f") {
  const kept = useRef("");
  if (!kept.current) kept.current = `${stem}${++made}`;
  return kept.current;
}

// One field: {name, label, type, options, hint, required, value, placeholder, max, rows, shown(values)}.
// type: text (if left out), password, number, date, datetime, search, textarea, select, checkbox, file.
// options: texts, or [value, label] pairs; a first option of "" stands for none.
export function Field({ field, value, onInput, autofocus = false }) {
  const id = useId();
  const ref = useRef(null);
  useEffect(() => { if (autofocus) ref.current?.focus(); }, []);
  const common = {
    id, ref, name: field.name, required: field.required || undefined, placeholder: field.placeholder,
    "aria-describedby": field.hint ? `${id}-hint` : undefined, maxLength: field.max,
  };
  const give = (event) => onInput(event.currentTarget.value);
  const type = { datetime: "datetime-local" }[field.type] || field.type || "text";
  let control;
  if (type === "select") {
    const options = field.options.map((each) => (Array.isArray(each) ? each : [each, each]));
    control = html`<select ...${common} value=${value} onChange=${give}>
      ${options.map(([one, label]) => html`<option value=${one} key=${one} selected=${one === value}>${label}</option>`)}</select>`;
  } else if (type === "textarea") {
    control = html`<textarea ...${common} rows=${field.rows || 3} value=${value} onInput=${give}></textarea>`;
  } else if (type === "checkbox") {
    control = html`<input type="checkbox" ...${common} checked=${Boolean(value)} onChange=${(event) => onInput(event.currentTarget.checked)} />`;
  } else if (type === "file") {
    control = html`<input type="file" ...${common} accept=${field.accept} onChange=${(event) => onInput(event.currentTarget.files[0] || null)} />`;
  } else {
    control = html`<input type=${type} ...${common} value=${value} inputmode=${field.inputmode} autocomplete=${field.autocomplete || "off"}
      step=${type === "datetime-local" ? 60 : field.step} min=${field.min} pattern=${field.pattern} list=${field.list} onInput=${give} />`;
  }
  return html`<div class=${`field ${type === "checkbox" ? "check" : ""} ${field.wide ? "wide" : ""}`}>
    <label for=${id}>${field.label}${field.required && html`<span class="required" aria-hidden="true"> *</span>`}</label>
    ${control}
    ${field.hint && html`<div class="hint" id=${`${id}-hint`}>${field.hint}</div>`}
  </div>`;
}

const firstOf = (field) => {
  if (field.value !== undefined) return field.value;
  if (field.type === "checkbox") return false;
  if (field.type === "file") return null;
  if (field.type === "select") return Array.isArray(field.options[0]) ? field.options[0][0] : field.options[0] ?? "";
  return "";
};

// run(values) does it; an error it throws stands in the form. `fields` may be a function of the values so far.
export function Form({ fields, run, submit, danger = false, onCancel, inline = false, autofocus = false, children }) {
  const list = (values) => (typeof fields === "function" ? fields(values) : fields).filter(Boolean);
  const [values, setValues] = useState(() => Object.fromEntries(list({}).map((field) => [field.name, firstOf(field)])));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const isThere = useRef(true);
  const fault = useRef(null);
  useEffect(() => () => { isThere.current = false; }, []);
  useEffect(() => { if (error) fault.current.focus(); }, [error]);
  const shown = list(values);
  const valueOf = (field) => (field.name in values ? values[field.name] : firstOf(field));
  const go = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await run(Object.fromEntries(shown.map((field) => [field.name, valueOf(field)])));
    } catch (found) {
      if (isThere.current) setError(found);
      if (!found.sentence && found.status === undefined) console.error(found);
    }
    if (isThere.current) setBusy(false);
  };
  return html`<form class=${inline ? "form inline" : "form"} onSubmit=${go}>
    <div class="fields">${shown.map((field, index) => html`<${Field} key=${field.name} field=${field} value=${valueOf(field)}
      autofocus=${autofocus && index === 0} onInput=${(value) => setValues((old) => ({ ...old, [field.name]: value }))} />`)}
    </div>
    ${typeof children === "function" ? children(values) : children}
    ${error && html`<div class="fault" tabindex="-1" ref=${fault}><${Problem} error=${error} /></div>`}
    <div class="buttons">
      ${onCancel && html`<button type="button" onClick=${onCancel}>${t("cancel")}</button>`}
      <button type="submit" class=${danger ? "danger" : "primary"} aria-disabled=${busy ? "true" : undefined} aria-busy=${busy ? "true" : undefined}>${submit}</button>
    </div>
  </form>`;
}
