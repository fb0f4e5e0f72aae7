// Where I am signed in, and ending it elsewhere.

import { post, useApi } from "../lib/api.js";
import { html } from "../lib/html.js";
import { Card, Change, Head, Table, Tag, Time } from "../lib/parts.js";
import { duration, t } from "../lib/words.js";

function View({ session }) {
  const found = useApi("/api/sessions");
  const end = (which) => post("/api/session/end", { which });
  const columns = [
    { key: "began", label: t("sessions.began"), main: true, render: (row) => html`<${Time} at=${row.began} /> ${row.here && html`<${Tag} kind="good">${t("sessions.here")}</${Tag}>`}` },
    { key: "address", label: t("sessions.address"), render: (row) => html`<code>${row.address}</code>` },
    { key: "idle_s", label: t("sessions.idle"), num: true, render: (row) => duration(row.idle_s) },
    { key: "ends", label: t("sessions.ends"), render: (row) => html`<${Time} at=${row.ends} precision="minute" />` },
    { key: "end", label: t("sessions.end"), acts: true, render: (row) => !row.here && html`<${Change} label=${t("sessions.end")} why=${false} small=${true}
        intro=${t("sessions.end.intro", { address: row.address })} run=${() => end(row.id)} done=${found.reload} />` },
  ];
  return html`<${Head} about=${t("sessions.about", { name: session.name })}>
      <${Change} label=${t("sessions.end_all")} danger=${true} why=${false} intro=${t("sessions.end_all.intro")}
        run=${() => end("all")} done=${() => location.reload()} />
    </${Head}>
    <${Card}><${Table} label=${t("sessions.title")} columns=${columns} of=${found} rows=${found.data} /></${Card}>`;
}

export default { path: "sessions", title: "sessions.title", group: "office", order: 90, needs: ["GET /api/sessions"], View };
