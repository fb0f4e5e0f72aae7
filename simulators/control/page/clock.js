// Business time in the head of the page: it ticks here at its rate between two answers, and is moved.

import { ask, attempt, notice } from "./api.js";
import { byId, el, fill, fillIfNew } from "./dom.js";
import { refresh } from "./page.js";
import { t } from "./words.js";

const AHEAD = [[60, "1", "minutes"], [3600, "1", "hours"], [28800, "8", "hours"], [86400, "1", "days"]];
const RATES = [1, 60, 600, 3600, 0];
let atMs = 0;
let seenMs = 0;
let rate = 1;

const pad = (number, digits = 2) => String(number).padStart(digits, "0");

export function localTime(date, withDay = true) {
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return withDay ? `${day} ${time}` : time;
}

function zone(date) {
  const minutes = -date.getTimezoneOffset();
  return `UTC${minutes < 0 ? "−" : "+"}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
}

const now = () => new Date(atMs + (performance.now() - seenMs) * rate);

function tick() {
  const face = byId("face");
  if (face) {
    const date = now();
    fill(face, el("strong", {}, localTime(date)), " ", el("small", { class: "quiet" }, zone(date)));
    face.title = date.toISOString();
  }
}

async function move(change) {
  const moved = await attempt(() => ask("PUT", "/api/clock", change));
  if (!moved) return;
  notice(t("moved", localTime(new Date(moved.now))));
  await refresh();
}

const speed = (value) => (value === 0 ? t("stopped") : value === 1 ? "1×" : `${value}×`);

function controls(clock) {
  const rates = RATES.includes(clock.rate) ? RATES : [clock.rate, ...RATES];
  const moment = el("input", { type: "datetime-local", step: "1", "aria-label": t("set_time"), required: true });
  return [
    el("div", { class: "row" }, el("span", { class: "quiet" }, t("advance")),
      AHEAD.map(([seconds, count, unit]) => el("button", { type: "button", onclick: () => move({ advance: seconds }) },
        `+${count} ${t(unit)}`))),
    el("div", { class: "row" }, el("label", {}, el("span", { class: "quiet" }, t("speed")),
      el("select", { onchange: (event) => move({ rate: Number(event.target.value) }) },
        rates.map((each) => el("option", { value: each, selected: each === clock.rate }, speed(each)))))),
    el("form", { class: "row", onsubmit: (event) => {
      event.preventDefault();
      move({ set: new Date(moment.value).toISOString() });
    } }, moment, el("button", {}, t("set"))),
    clock.drives.length ? el("p", { class: "quiet" }, t("drives", clock.drives.join(", "))) : null,
  ];
}

export function showClock(clock) {
  atMs = Date.parse(clock.now);
  seenMs = performance.now();
  rate = clock.rate;
  const mode = clock.mode === "real" ? t("real") : clock.rate === 0 ? t("stopped") : t("rate_n", clock.rate);
  fillIfNew(byId("clock"), [clock.rate, clock.mode, clock.drives, t("clock")], () => [
    el("details", {}, el("summary", { "aria-label": t("clock") }, el("span", { id: "face", class: "face" }),
      el("span", { class: clock.mode === "real" ? "tag" : "tag strong" }, mode)),
    el("div", { class: "popover" }, controls(clock))),
  ]);
  tick();
}

setInterval(tick, 500);
