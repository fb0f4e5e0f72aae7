// What is stopped, and the button that stops something at once.

import { get, may, patch, post, useApi, useSite } from "../lib/api.js";
import { html, useEffect, useState } from "../lib/html.js";
import { Card, Change, Head, Notice, Pager, Table, Tag, Text, Time } from "../lib/parts.js";
import { go } from "../lib/router.js";
import { t, time } from "../lib/words.js";

const LIMIT = 50;
const KINDS = ["global", "account", "template", "campaign", "carrier", "department", "signature"];
const NEEDS = "POST /api/pauses";

// What may be paused, by kind; what is registered is asked for when the dialog opens.
export function useNames(wanted) {
  const site = useSite();
  const [names, setNames] = useState({ template: [], campaign: [], signature: [] });
  useEffect(() => {
    if (!wanted) return;
    const ids = (path, pick) => (may(`GET ${path}`) ? get(path, { limit: 1000 }).then((found) => [...new Set(found.items.map(pick))].sort()) : []);
    Promise.all([
      ids("/api/templates", (each) => each.id), ids("/api/campaigns", (each) => each.id), ids("/api/signatures", (each) => each.name),
    ]).then(([template, campaign, signature]) => setNames({ template, campaign, signature }), () => undefined);
  }, [wanted]);
  const ofFiles = site.accounts.flatMap((each) => each.signatures);
  return {
    global: [], account: site.accounts.map((each) => each.name), department: site.departments, carrier: site.carriers,
    template: names.template, campaign: names.campaign, signature: [...new Set([...names.signature, ...ofFiles])].sort(),
  };
}

export const scopeText = (scope) => {
  const [what, ...name] = scope.split(":");
  return what === "global" ? t("pauses.kind.global") : html`${t(`pauses.kind.${what}`)} <strong>${name.join(":")}</strong>`;
};

const untilOptions = () => [["", t("pauses.until.resumed")], ...["30m", "2h", "8h", "1d"].map((each) => [each, t(`pauses.until.${each}`)])];
const untilField = () => ({ name: "expires", label: t("pauses.until"), type: "select", options: untilOptions() });

// What, until when, why. The button in the head of every page opens it.
function Stop({ done }) {
  const names = useNames(may(NEEDS));
  const fields = (values) => {
    const kind = values.kind || "account";
    return [
      { name: "kind", label: t("pauses.kind"), type: "select", options: KINDS.map((each) => [each, t(`pauses.kind.${each}`)]), value: "account", wide: true },
      kind !== "global" && { name: `name_${kind}`, label: t(`pauses.kind.${kind}`), type: "select", required: true, options: [["", t("pauses.choose")], ...names[kind]] },
      untilField(),
    ];
  };
  const run = ({ kind, expires, why, ...rest }) => post("/api/pauses", { scope: kind === "global" ? kind : `${kind}:${rest[`name_${kind}`]}`, expires, why });
  return html`<${Change} title=${t("pauses.stop.title")} intro=${t("pauses.stop.intro")} fields=${fields} run=${run}
    needs=${NEEDS} danger=${true} confirm=${t("pauses.stop.now")} said=${t("pauses.stopped")} open=${true}
    onClose=${() => go("pauses")} done=${() => { go("pauses"); return done(); }} />`;
}

function View({ query }) {
  const [offset, setOffset] = useState(0);
  const [ended, setEnded] = useState(false);
  const found = useApi("/api/pauses", { ended, offset, limit: LIMIT }, { everyS: 10 });
  const columns = [
    { key: "scope", label: t("pauses.what"), main: true, render: (row) => html`${scopeText(row.scope)} ${!row.in_force && html`<${Tag}>${t("state.ended")}</${Tag}>`}` },
    { key: "reason", label: t("why"), wide: true, render: (row) => html`<${Text}>${row.reason}</${Text}>` },
    { key: "who", label: t("pauses.who") },
    { key: "at_ms", label: t("pauses.since"), render: (row) => html`<${Time} at=${row.at_ms} precision="minute" />` },
    { key: "expires_ms", label: t("pauses.until"), render: (row) => (row.expires_ms ? html`<${Time} at=${row.expires_ms} precision="minute" />` : t("pauses.until.resumed")) },
    { key: "acts", label: t("pauses.resume"), acts: true, render: (row) => row.in_force && may(NEEDS) && html`
        <${Change} label=${t("pauses.change")} small=${true} needs="PATCH /api/pauses" intro=${scopeText(row.scope)} fields=${[untilField()]}
          run=${({ expires, why }) => patch("/api/pauses", { scope: row.scope, expires, why })} done=${found.reload} />
        <${Change} label=${t("pauses.resume")} small=${true} needs="POST /api/pauses/resume" said=${t("pauses.resumed")}
          intro=${html`${scopeText(row.scope)}${row.expires_ms ? t("pauses.resume.until", { at: time(row.expires_ms, "minute") }) : ""}${t("pauses.resume.intro")}`}
          run=${({ why }) => post("/api/pauses/resume", { scope: row.scope, why })} done=${found.reload} />` },
  ];
  const everything = found.data?.items.find((each) => each.scope === "global" && each.in_force);
  return html`<${Head} about=${t("pauses.about")} />${query.now === "1" && html`<${Stop} done=${found.reload} />`}
    ${everything && html`<${Notice} kind="bad">${t("pauses.everything", { who: everything.who, why: everything.reason })}</${Notice}>`}
    <${Card}><${Table} label=${t("pauses.title")} columns=${columns} of=${found} rows=${found.data?.items} rowKey="scope" empty=${t("pauses.none")} /></${Card}>
    <div class="buttons"><button type="button" aria-pressed=${String(ended)} onClick=${() => setEnded(!ended)}>${t(ended ? "pauses.hide_ended" : "pauses.show_ended")}</button></div>
    <${Pager} total=${found.data?.total} offset=${offset} limit=${LIMIT} onMove=${setOffset} />`;
}

export default { path: "pauses", title: "pauses.title", group: "messages", order: 30, needs: ["GET /api/pauses"], View };
