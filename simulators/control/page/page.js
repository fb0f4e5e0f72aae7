// The page: asks for the state every two seconds while it is looked at, and hands it to its parts.

import { get, notice } from "./api.js";
import { byId, el, fillIfNew, visible } from "./dom.js";
import { showClock } from "./clock.js";
import { showSteering, chosen } from "./steer.js";
import { startTraffic } from "./traffic.js";
import { startMessages, showMessages } from "./messages.js";
import { showSettings } from "./settings.js";
import { showRun } from "./run.js";
import { currentLanguage, listeners, setLanguage, t } from "./words.js";

const PERIOD_MS = 2000;
let state = null;

export const views = {
  traffic: () => {},
  messages: showMessages,
  settings: () => showSettings(chosen()),
  run: () => showRun(state),
};

function openView(name) {
  for (const tab of byId("tabs").children) {
    const isOpen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(isOpen));
    tab.tabIndex = isOpen ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !isOpen;
  }
  history.replaceState(null, "", `#${name}`);
  views[name]();
}

function startTabs() {
  const tabs = byId("tabs");
  const nameOf = (tab) => tab.id.slice("tab-".length);
  tabs.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) openView(nameOf(tab));
  });
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...tabs.children];
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    openView(nameOf(next));
    next.focus();
  });
  const openAsked = () => openView(location.hash.slice(1) in views ? location.hash.slice(1) : "traffic");
  window.addEventListener("hashchange", openAsked);
  openAsked();
}

function showAll() {
  if (state === null) return;
  const scenario = [state.scenario, ...state.phases].filter(Boolean);
  fillIfNew(byId("scenario"), [scenario, state.about], () => [el("span", { title: state.about }, scenario.join(" · "))]);
  fillIfNew(byId("problems"), state.problems, () => state.problems.map((problem) => el("li", {}, visible(problem))));
  showClock(state.clock);
  showSteering(state);
  if (!byId("view-run").hidden) showRun(state);
}

export async function refresh() {
  try {
    state = await get("/api/state");
  } catch {
    byId("connection").className = "dot bad";
    byId("connection").title = t("disconnected");
    return;
  }
  byId("connection").className = "dot good";
  byId("connection").title = t("connected");
  showAll();
}

async function keepFresh() {
  if (!document.hidden) await refresh();
  setTimeout(keepFresh, PERIOD_MS);
}

function startSwitches() {
  const language = byId("language");
  const label = () => {
    const isChinese = currentLanguage() === "zh";
    language.textContent = isChinese ? "English" : "中文";
    language.lang = isChinese ? "en" : "zh";
    language.setAttribute("aria-label", isChinese ? "Switch to English" : "切换到中文");
  };
  listeners.push(label, showAll);
  language.addEventListener("click", () => {
    const next = currentLanguage() === "zh" ? "en" : "zh";
    localStorage.setItem("language", next);
    setLanguage(next);
  });
  byId("theme").addEventListener("click", () => {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
  });
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
}

window.addEventListener("unhandledrejection", (event) => notice(String(event.reason?.message ?? event.reason), true));
startSwitches();
startTraffic();
startMessages();
setLanguage(localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en"));
await refresh();
startTabs();
setTimeout(keepFresh, PERIOD_MS);
