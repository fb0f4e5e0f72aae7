// Every setting of a carrier with what it is for; only what was changed is sent.

import { ask, attempt, carrierPath, get, notice } from "./api.js";
import { byId, el, fill } from "./dom.js";
import { chosen } from "./steer.js";
import { listeners, t } from "./words.js";

let known = null;
let settings = null;
let carrier = "";
let edits = new Map();
let wanted = "";

const flat = (value, key) => key.split(".").reduce((inside, part) => inside?.[part], value);
const written = (value) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

// What was text stays text; the rest is JSON if it can be read so, else text.
function parsed(text, before) {
  if (typeof before === "string" && !/^[[{]/.test(text.trim())) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function changes() {
  const nested = {};
  for (const [key, text] of edits) {
    const path = key.split(".");
    const inside = path.slice(0, -1).reduce((table, part) => (table[part] ??= {}), nested);
    inside[path.at(-1)] = parsed(text, flat(settings, key));
  }
  return nested;
}

async function apply(event) {
  event.preventDefault();
  const answer = await attempt(() => ask("PATCH", carrierPath(carrier, "/settings"), changes()));
  if (!answer) return;
  settings = answer;
  edits = new Map();
  notice(t("applied"));
  draw();
}

function input({ key, about }) {
  const before = written(flat(settings, key));
  const text = edits.get(key) ?? before;
  const attributes = { name: key, id: `s-${key}`, title: about, spellcheck: "false", class: "mono", "aria-describedby": `a-${key}` };
  const box = text.length > 60 ? el("textarea", { ...attributes, rows: Math.min(8, Math.ceil(text.length / 60)), value: text }) : el("input", { ...attributes, value: text });
  const mark = () => box.closest(".setting")?.classList.toggle("changed", edits.has(key));
  box.addEventListener("input", () => {
    if (box.value === before) edits.delete(key);
    else edits.set(key, box.value);
    mark();
    showCount();
  });
  return el("div", { class: edits.has(key) ? "setting changed" : "setting", "data-search": `${key} ${about}`.toLowerCase() },
    el("label", { for: `s-${key}`, class: "mono" }, key.split(".").at(-1)), box, el("p", { class: "quiet small-text", id: `a-${key}` }, about));
}

function showCount() {
  const count = byId("setting-count");
  if (count) count.textContent = edits.size ? t("changed", edits.size) : t("no_changes");
  const button = byId("setting-apply");
  if (button) button.disabled = edits.size === 0;
}

function search() {
  for (const setting of byId("view-settings").querySelectorAll(".setting")) setting.hidden = !setting.dataset.search.includes(wanted.toLowerCase());
  for (const group of byId("view-settings").querySelectorAll("fieldset")) group.hidden = !group.querySelector(".setting:not([hidden])");
}

function draw() {
  if (!settings) return;
  const groups = new Map();
  for (const setting of known) {
    const group = setting.key.includes(".") ? setting.key.split(".")[0] : carrier;
    groups.set(group, [...(groups.get(group) ?? []), setting]);
  }
  fill(byId("view-settings"), el("form", { onsubmit: apply },
    el("div", { class: "toolbar" },
      el("input", { type: "search", placeholder: t("search_settings"), "aria-label": t("search_settings"), value: wanted, oninput: (event) => { wanted = event.target.value; search(); } }),
      el("button", { class: "primary", id: "setting-apply" }, t("apply")),
      el("button", { type: "button", onclick: () => { edits = new Map(); draw(); } }, t("undo")),
      el("span", { id: "setting-count", class: "quiet", role: "status" })),
    el("p", { class: "quiet hint" }, t("settings_hint")),
    [...groups].map(([group, inside]) => el("fieldset", {}, el("legend", {}, group), inside.map(input)))));
  showCount();
  search();
}

export async function showSettings(name) {
  const [help, answer] = (await attempt(() => Promise.all([known ?? get("/api/settings"), get(carrierPath(name, "/settings"))]))) ?? [];
  if (!answer) return;
  if (name !== carrier) edits = new Map();
  known = help;
  settings = answer;
  carrier = name;
  draw();
}

listeners.push(draw);
