// Business time in the head of the page: it ticks here at its rate between two answers, and is moved.

import { ask, attempt, notice } from "./api.js";
import { byId, el, fill, fillIfNew } from "./dom.js";
import { refresh } from "./page.js";
import { listeners, t } from "./words.js";

const AHEAD = [[60, "1", "minutes"], [3600, "1", "hours"], [28800, "8", "hours"], [86400, "1", "days"]];
const RATES = [1, 60, 600, 3600, 0];
let atMs = 0;
let seenMs = 0;
let rate = 1;
let last = null;

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

// Built once, and again for another language; the popover stays open while the clock under it changes.
function build() {
  const moment = el("input", { type: "datetime-local", step: "1", "aria-label": t("set_time"), required: true });
  const wasOpen = byId("clock").querySelector("details")?.open;
  fill(byId("clock"), el("details", { open: wasOpen },
    el("summary", { "aria-label": t("clock") }, el("span", { id: "face", class: "face" }), el("span", { id: "pace", class: "tag" })),
    el("div", { class: "popover" },
      el("div", { class: "row" }, el("span", { class: "quiet" }, t("advance")),
        AHEAD.map(([seconds, count, unit]) => el("button", { type: "button", onclick: () => move({ advance: seconds }) }, `+${count} ${t(unit)}`))),
      el("div", { class: "row", id: "speed" }),
      el("form", { class: "row", onsubmit: (event) => {
        event.preventDefault();
        move({ set: new Date(moment.value).toISOString() });
      } }, moment, el("button", {}, t("set"))),
      el("p", { class: "quiet", id: "drives" }))));
  if (last) showClock(last);
}

function speeds(clock) {
  const rates = RATES.includes(clock.rate) ? RATES : [clock.rate, ...RATES];
  return el("label", {}, el("span", { class: "quiet" }, t("speed")), el("select", { "data-key": "speed", onchange: (event) => move({ rate: Number(event.target.value) }) },
    rates.map((each) => el("option", { value: each, selected: each === clock.rate }, speed(each)))));
}

export function showClock(clock) {
  last = clock;
  atMs = Date.parse(clock.now);
  seenMs = performance.now();
  rate = clock.rate;
  const pace = byId("pace");
  if (!pace) return;
  pace.textContent = clock.mode === "real" ? t("real") : clock.rate === 0 ? t("stopped") : t("rate_n", clock.rate);
  pace.classList.toggle("strong", clock.mode !== "real");
  fillIfNew(byId("speed"), [clock.rate, t("speed")], () => [speeds(clock)]);
  byId("drives").textContent = clock.drives.length ? t("drives", clock.drives.join(", ")) : "";
  tick();
}

listeners.push(build);
setInterval(tick, 500);
