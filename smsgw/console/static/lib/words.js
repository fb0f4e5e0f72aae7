// Words in both languages, and how numbers and times are written. Times are always the site's, whatever the browser's are.

const KEPT = "smsgw.language";
const MISSING = "—";
let language = kept() || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
let words = {};
let zone = "Asia/Shanghai";

function kept() {
  const found = localStorage.getItem(KEPT);
  return found === "zh" || found === "en" ? found : "";
}

export const currentLanguage = () => language;
export const setZone = (name) => { zone = name; };
export const siteZone = () => zone;

// Loads the words; done before anything is shown.
export async function useLanguage(wanted = language) {
  const answer = await fetch(`/words/${wanted}.json`);
  words = await answer.json();
  language = wanted;
  document.documentElement.lang = wanted === "zh" ? "zh-CN" : "en";
}

export function keepLanguage(wanted) {
  localStorage.setItem(KEPT, wanted);
}

export const has = (key) => Object.hasOwn(words, key);

// The words of a key; `{name}` in them is replaced by values.name. A key that is missing is told in the browser's console.
export function t(key, values = {}) {
  const found = words[key];
  if (found === undefined) {
    console.error(`no words for ${key}`);
    return key;
  }
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// The words of a code, such as a state, or the code itself: new codes may come that no page knows yet.
export const tOr = (key, otherwise) => (has(key) ? t(key) : String(otherwise));

const locale = () => (language === "zh" ? "zh-CN" : "en-GB");
const isNone = (value) => value === null || value === undefined || value === "" || Number.isNaN(value);

export function number(value, digits = 0) {
  if (isNone(value)) return MISSING;
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
}

// `share` is between 0 and 1.
export function percent(share, digits = 1) {
  if (isNone(share)) return MISSING;
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: digits }).format(share);
}

// Amounts are in the site's currency, which the site does not name.
export const money = (value) => (isNone(value) ? MISSING
  : new Intl.NumberFormat(locale(), { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value));

// "2026-11-18 10:30:00+08:00", ISO 8601 or milliseconds.
export function asDate(value) {
  if (isNone(value)) return null;
  const made = new Date(typeof value === "number" ? value : String(value).replace(/^(\S+) (\d)/, "$1T$2"));
  return Number.isNaN(made.getTime()) ? null : made;
}

// How precisely: "second", "minute", "day", "clock" (the time of day only).
const PARTS = {
  second: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  minute: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" },
  day: { year: "numeric", month: "2-digit", day: "2-digit" },
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
};

// 2026-11-18 10:30:00 in the site's zone, the same in both languages.
export function time(value, precision = "second") {
  const date = asDate(value);
  if (date === null) return isNone(value) ? MISSING : String(value);
  const made = new Intl.DateTimeFormat("sv-SE", { ...PARTS[precision], timeZone: zone, hourCycle: "h23" });
  return made.format(date);
}

// "3 minutes ago", "in 2 hours".
export function ago(value, nowMs = Date.now()) {
  const date = asDate(value);
  if (date === null) return MISSING;
  const seconds = (date.getTime() - nowMs) / 1000;
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]]
    .find(([, each]) => Math.abs(seconds) >= each) || ["second", 1];
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(Math.round(seconds / size), unit);
}

export function duration(seconds) {
  if (isNone(seconds)) return MISSING;
  if (seconds < 1) return t("time.ms", { n: number(seconds * 1000) });
  if (seconds < 120) return t("time.s", { n: number(seconds, 1) });
  if (seconds < 7200) return t("time.min", { n: number(seconds / 60, 1) });
  if (seconds < 172800) return t("time.h", { n: number(seconds / 3600, 1) });
  return t("time.d", { n: number(seconds / 86400, 1) });
}

// Characters that reorder or hide what is shown are made visible.
export function visible(text) {
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200b-\u200f]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
