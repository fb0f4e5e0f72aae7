// The run as a whole: expectations, phases, recordings, reset, snapshots.

import { ask, attempt, get, notice, post } from "./api.js";
import { byId, el, fill, fillIfNew, forget, visible } from "./dom.js";
import { refresh } from "./page.js";
import { listeners, t } from "./words.js";

let last = null;
let askAgainMs = 0;

function expectation(result) {
  const state = result.ok ? "ok" : result.state === "failed" ? "failed" : "open";
  return el("li", { class: "expectation" },
    el("div", { class: "row" }, el("span", { class: `tag ${{ ok: "good", failed: "bad", open: "warn" }[state]}` }, t(state)), el("b", {}, visible(result.name))),
    el("p", { class: "small-text" }, `${t("expected")}: ${result.expected}`), el("p", { class: "small-text quiet" }, `${t("found_")}: ${result.found}`),
    result.offenders?.length ? el("ul", { class: "small-text" }, result.offenders.slice(0, 5).map((each) =>
      el("li", { class: "mono" }, visible(`${each.at} ${each.kind} ${each.source} → ${each.destination} ${each.text}${each.why ? ` (${each.why})` : ""}`)))) : null);
}

async function save() {
  const snapshot = await attempt(() => get("/api/snapshot"));
  if (!snapshot) return;
  const link = el("a", { download: "snapshot.json", href: URL.createObjectURL(new Blob([JSON.stringify(snapshot, null, 2)], { type: "application/json" })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function restore(event) {
  const file = event.target.files[0];
  event.target.value = "";
  if (!file) return;
  const done = await attempt(async () => post("/api/snapshot", JSON.parse(await file.text())));
  if (done) notice(t("restored", done.carriers.join(", ")));
  await refresh();
}

async function record(event, input) {
  event.preventDefault();
  await attempt(() => post("/api/captures", { file: input.value }));
  await refresh();
}

function capture(each) {
  const path = `/api/captures/${encodeURIComponent(each.file)}`;
  return el("li", { class: "row" }, el("b", { class: "mono" }, each.file), el("span", { class: each.running ? "tag warn" : "tag" }, t(each.running ? "recording" : "ended")),
    el("span", { class: "quiet" }, `${Math.ceil(each.octets / 1024).toLocaleString()} KiB`), each.failure ? el("span", { class: "problem" }, each.failure) : null,
    each.running ? el("button", { type: "button", class: "small", onclick: async () => {
      await attempt(() => ask("DELETE", path));
      await refresh();
    } }, t("stop")) : null,
    el("a", { href: path, download: each.file }, t("download")));
}

function frame() {
  const file = el("input", { value: "run.pcap", required: true, "aria-label": t("file"), class: "mono" });
  const picker = el("input", { type: "file", accept: "application/json", hidden: true, onchange: restore });
  return [
    el("section", {}, el("h3", {}, t("expectations")), el("ul", { id: "expected", class: "plain-list" })),
    el("section", {}, el("h3", {}, t("phases")), el("p", { id: "phases" })),
    el("section", {}, el("h3", {}, t("recordings")), el("form", { class: "row", onsubmit: (event) => record(event, file) }, file, el("button", {}, t("record"))),
      el("ul", { id: "captures", class: "plain-list" })),
    el("section", {}, el("h3", {}, t("whole")), el("div", { class: "row" },
      el("button", { type: "button", onclick: save }, t("snapshot")), picker, el("button", { type: "button", onclick: () => picker.click() }, t("restore")),
      el("button", { type: "button", class: "danger", title: t("reset_hint"), onclick: async () => {
        if (await attempt(() => post("/api/reset"))) notice(t("reset_done"));
        await refresh();
      } }, t("reset")),
      el("a", { href: "/api/ledger", target: "_blank", rel: "noopener" }, t("ledger")), el("a", { href: "/openapi.json", target: "_blank", rel: "noopener" }, t("api"))),
    el("p", { class: "quiet small-text" }, t("reset_hint"))),
  ];
}

export async function showRun(state) {
  last = state;
  const view = byId("view-run");
  if (!view.firstChild) fill(view, frame());
  if (!state) return;
  fillIfNew(byId("phases"), [t("phases"), state.phases], () => state.phases.length ? state.phases.map((each) => el("span", { class: "tag strong" }, each)) : [t("no_phases")]);
  fillIfNew(byId("captures"), [t("record"), state.captures], () => state.captures.map(capture));
  // Judging a long run costs the simulator something: it is asked again when ten times as long has passed.
  if (performance.now() < askAgainMs && byId("expected").firstChild) return;
  const beganMs = performance.now();
  const report = await attempt(() => get("/api/expectations"));
  askAgainMs = performance.now() + 10 * (performance.now() - beganMs);
  if (!report) return;
  fillIfNew(byId("expected"), [t("ok"), report.results], () => report.results.length ? report.results.map(expectation) : [el("li", { class: "quiet" }, t("no_expectations"))]);
}

listeners.push(() => {
  const view = byId("view-run");
  if (!view.firstChild) return;
  for (const id of ["phases", "captures", "expected"]) forget(byId(id));
  fill(view, frame());
  if (last) showRun(last);
});
