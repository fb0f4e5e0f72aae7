// Deliveries by province and carrier: a tile for each province where it lies, and the same as a table.

import { useApi, useSite } from "../lib/api.js";
import { Bars } from "../lib/chart.js";
import { html, useRef, useState } from "../lib/html.js";
import { Card, Facts, Filters, Head, Notice, Problem, Table, Tabs, Waiting } from "../lib/parts.js";
import { CLASSES, classOf, nextTile, TILES } from "../lib/provinces.js";
import { setQuery } from "../lib/router.js";
import { number, percent, t, tOr } from "../lib/words.js";

const HOURS = ["1", "6", "24", "72", "168"];
const nameOf = (letters) => t(`map.p.${letters}`);

function Chooser({ query }) {
  const site = useSite();
  const fields = [
    { name: "hours", label: t("map.time"), type: "select", options: HOURS.map((each) => [each, t(`map.hours.${each}`)]) },
    { name: "carrier", label: t("carriers.carrier"), type: "select", options: [["", t("map.all")], ...site.carriers.map((each) => [each, each])] },
    { name: "message_class", label: t("carriers.lane"), type: "select", options: [["", t("map.all")], ...["otp", "notice", "marketing"].map((each) => [each, t(`carriers.lane.${each}`)])] },
    site.accounts.length > 1 && { name: "account", label: t("accounts.account"), type: "select", options: [["", t("map.all")], ...site.accounts.map((each) => [each.name, each.name])] },
  ];
  return html`<${Filters} fields=${fields} values=${{ hours: "24", ...query }} onChange=${(values) => setQuery(values)} />`;
}

// Tiles are one stop for Tab; arrow keys move between them, Enter opens.
function Tiles({ found, chosen, onChoose }) {
  const list = useRef(null);
  const [at, setAt] = useState(chosen || "beijing");
  const move = (event, tile) => {
    const next = nextTile(tile, event.key);
    if (next === tile) return;
    event.preventDefault();
    setAt(next.letters);
    list.current.querySelector(`[data-tile="${next.letters}"]`).focus();
  };
  return html`<div class="tiles" role="group" aria-label=${t("map.title")} ref=${list}>${TILES.map((tile) => {
    const cell = found[tile.name];
    const name = nameOf(tile.letters);
    const told = cell ? t("map.tile", { name, rate: percent(cell.rate), sent: number(cell.sent) }) : t("map.tile.none", { name });
    return html`<button type="button" key=${tile.letters} data-tile=${tile.letters} class=${`tile ${classOf(cell?.rate)}`} aria-label=${told} title=${told}
      style=${{ gridRow: tile.row + 1, gridColumn: tile.column + 1 }} tabindex=${tile.letters === at ? 0 : -1} aria-pressed=${String(chosen === tile.letters)}
      onFocus=${() => setAt(tile.letters)} onKeyDown=${(event) => move(event, tile)} onClick=${() => onChoose(tile.letters)}>
      <span class="place"><span class="long">${name}</span><span class="brief">${tile.brief}</span></span><span class="share">${cell && cell.rate !== null ? percent(cell.rate, cell.rate > 0.995 || cell.rate < 0.1 ? 0 : 1) : "·"}</span></button>`;
  })}</div>`;
}

const Legend = () => html`<ul class="rates">${CLASSES.map((each, index) => html`<li key=${each.name}><span class=${`swatch ${each.name}`} aria-hidden="true"></span>
  ${index === CLASSES.length - 1 ? t("map.below", { share: percent(CLASSES[index - 1].from, 0) }) : t("map.from", { share: percent(each.from, 0) })}</li>`)}
  <li><span class="swatch r0" aria-hidden="true"></span>${t("map.no_result")}</li></ul>`;

function ByCarrier({ rows }) {
  const columns = [
    { key: "carrier", label: t("carriers.carrier"), main: true },
    { key: "rate", label: t("map.rate"), num: true, render: (row) => percent(row.rate) },
    { key: "sent", label: t("map.sent"), num: true, render: (row) => number(row.sent) },
    { key: "delivered", label: t("map.delivered"), num: true, render: (row) => number(row.delivered) },
    { key: "failed", label: t("map.failed"), num: true, render: (row) => number(row.failed) },
  ];
  return html`<${Table} label=${t("map.by_carrier")} columns=${columns} rows=${rows} rowKey="carrier" />`;
}

function Beside({ title, cell }) {
  if (!cell) return html`<${Card} title=${title}><div class="empty">${t("map.nothing")}</div></${Card}>`;
  const failed = Object.entries(cell.failed_by).map(([name, value]) => ({ label: tOr(`map.failed_by.${name || "none"}`, name), value }));
  return html`<${Card} title=${title}><div aria-live="polite"><${Facts} of=${[[t("map.rate"), html`<strong class="big">${percent(cell.rate)}</strong>`], [t("map.sent"), number(cell.sent)],
      [t("map.delivered"), number(cell.delivered)], [t("map.failed"), number(cell.failed)]]} /></div>
    ${cell.carriers?.length > 0 && html`<${ByCarrier} rows=${cell.carriers} />`}
    ${failed.length > 0 && html`<h3>${t("map.why_failed")}</h3><${Bars} label=${t("map.why_failed")} rows=${failed} format=${(value) => number(value)} />`}</${Card}>`;
}

function AsTable({ rows, onChoose }) {
  const columns = [
    { key: "name", label: t("map.province"), main: true, render: (row) => (row.letters ? nameOf(row.letters) : row.name || t("map.other")) },
    { key: "rate", label: t("map.rate"), num: true, render: (row) => html`<span class=${`swatch ${classOf(row.rate)}`} aria-hidden="true"></span> ${percent(row.rate)}` },
    { key: "sent", label: t("map.sent"), num: true, render: (row) => number(row.sent) },
    { key: "delivered", label: t("map.delivered"), num: true, render: (row) => number(row.delivered) },
    { key: "failed", label: t("map.failed"), num: true, render: (row) => number(row.failed) },
    { key: "carriers", label: t("map.by_carrier"), wide: true, render: (row) => row.carriers.map((each) => `${each.carrier} ${percent(each.rate)}`).join(t("comma")) },
  ];
  return html`<${Table} label=${t("map.title")} columns=${columns} rows=${rows} rowKey="name" onOpen=${(row) => onChoose(row.letters || "other")} empty=${t("map.nothing")} />`;
}

function View({ query }) {
  const { chosen = "", shown = "map", hours = "24", carrier = "", message_class = "", account = "" } = query;
  const found = useApi("/api/map", { hours, carrier, message_class, account }, { everyS: 10 });
  const choose = (letters) => setQuery({ chosen: chosen === letters ? "" : letters });
  const data = found.data;
  const byName = Object.fromEntries((data?.provinces || []).map((each) => [each.name, each]));
  const other = byName[""];
  const tile = TILES.find((each) => each.letters === chosen);
  const beside = tile ? [nameOf(chosen), byName[tile.name]] : chosen === "other" ? [t("map.other"), other] : [t("map.whole"), data?.total.sent || data?.total.delivered ? data.total : null];
  return html`<${Head} about=${t("map.about")} /><${Chooser} query=${{ hours, carrier, message_class, account }} />
    ${found.error && html`<${Problem} error=${found.error} again=${found.reload} />`}
    ${data && !data.kept && html`<${Notice} kind="info">${t("map.not_kept")}</${Notice}>`}
    ${!data ? html`<${Card}><${Waiting} of=${found} /></${Card}>` : html`<div class="atlas">
      <${Card}><${Tabs} label=${t("map.title")} chosen=${shown} onChoose=${(name) => setQuery({ shown: name })} tabs=${[["map", t("map.as_map")], ["table", t("map.as_table")]]}>
        ${shown === "table" ? html`<${AsTable} rows=${data.provinces} onChoose=${choose} />` : html`<${Tiles} found=${byName} chosen=${chosen} onChoose=${choose} /><${Legend} />
          ${other && html`<p><button type="button" class="link" onClick=${() => choose("other")}>${t("map.others", { n: number(other.sent) })}</button></p>`}`}
      </${Tabs}></${Card}>
      <${Beside} title=${beside[0]} cell=${beside[1]} /></div>`}`;
}

export default { path: "map", title: "map.title", group: "watch", order: 20, needs: ["GET /api/map"], View };
