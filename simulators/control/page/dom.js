// Elements from values. Text only ever becomes text nodes: nothing that came over the wire is parsed as HTML.

export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

export const byId = (id) => document.getElementById(id);

// Replaces the children only when what they show has changed, so that focus and selection stay.
const shownBefore = new WeakMap();
export function fillIfNew(parent, state, make) {
  const key = JSON.stringify(state);
  if (shownBefore.get(parent) === key) return;
  shownBefore.set(parent, key);
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  fill(parent, ...make());
  if (focused) parent.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}
export const forget = (parent) => shownBefore.delete(parent);

// Characters that would reorder or hide what is shown are made visible.
export function visible(text) {
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200e\u200f]/g,
    (char) => char === "\n" ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
