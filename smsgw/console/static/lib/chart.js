// Charts, each with a table of what it shows. Only pages that draw import this.

import uPlot from "../vendor/uPlot.js";
import { html, useEffect, useLayoutEffect, useRef } from "./html.js";
import { number, siteZone, t, time } from "./words.js";

const COLOURS = 6;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// x: seconds since 1970. series: [{label, values}], null where there is none. kind: line or bars.
// format(value) writes a value; `label` says what the chart shows. Below it the same as a table.
export function Chart({ x, series, label, kind = "line", height = 220, format = (value) => number(value, 1), precision = "minute" }) {
  const box = useRef(null);
  const plot = useRef(null);
  const shape = JSON.stringify([series.map((each) => each.label), kind, height]);
  useLayoutEffect(() => {
    const made = new uPlot(optionsOf(box.current, { series, kind, height, format }), dataOf(x, series), box.current);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: box.current.clientWidth, height }));
    watch.observe(box.current);
    return () => { watch.disconnect(); made.destroy(); plot.current = null; };
  }, [shape]);
  useEffect(() => { plot.current?.setData(dataOf(x, series)); }, [x, series]);
  return html`<figure class="chart">
    <div class="plot" ref=${box} role="img" aria-label=${label}></div>
    <ul class="legend" aria-hidden="true">${series.map((each, index) => html`<li class=${`c${index % COLOURS}`} key=${each.label}>${each.label}</li>`)}</ul>
    <${AsTable} x=${x} series=${series} label=${label} format=${format} precision=${precision} />
  </figure>`;
}

function AsTable({ x, series, label, format, precision }) {
  return html`<details><summary>${t("chart.table")}</summary><div class="table-box scroll" tabindex="0" role="region" aria-label=${label}>
    <table class="plain" aria-label=${label}>
      <thead><tr><th scope="col">${t("chart.time")}</th>${series.map((each) => html`<th scope="col" class="num" key=${each.label}>${each.label}</th>`)}</tr></thead>
      <tbody>${x.map((at, row) => html`<tr key=${at}><th scope="row">${time(at * 1000, precision)}</th>
        ${series.map((each) => html`<td class="num" key=${each.label}>${each.values[row] === null || each.values[row] === undefined ? "—" : format(each.values[row])}</td>`)}</tr>`)}</tbody>
    </table></div></details>`;
}

const dataOf = (x, series) => [x, ...series.map((each) => each.values)];

function optionsOf(element, { series, kind, height, format }) {
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const bars = kind === "bars" ? uPlot.paths.bars({ size: [0.7, 40] }) : undefined;
  return {
    width: Math.max(element.clientWidth, 100),
    height,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), siteZone()),
    scales: { y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.05 : 1] } },
    axes: [
      { ...axis, space: 84, values: [[86400, "{MM}-{DD}"], [3600, "{HH}:{mm}"], [60, "{HH}:{mm}"], [1, "{HH}:{mm}:{ss}"]].map(([size, form]) => [size, form, null, null, null, null, null, null, 1]) },
      { ...axis, size: 64, values: (_, found) => found.map((value) => format(value)) },
    ],
    series: [{}, ...series.map((each, index) => {
      const stroke = colour(`--c${index % COLOURS}`);
      return { label: each.label, stroke, width: 2, paths: bars, fill: kind === "bars" ? stroke : undefined, points: { show: false } };
    })],
  };
}

// A line of the last values, without axes, beside a number that says the newest.
export function Spark({ values, width = 120, height = 28 }) {
  const known = values.filter((value) => value !== null);
  const most = Math.max(...known, 1e-9);
  const step = width / Math.max(values.length - 1, 1);
  const points = values.map((value, index) => (value === null ? "" : `${(index * step).toFixed(1)},${(height - 2 - (value / most) * (height - 4)).toFixed(1)}`));
  return html`<svg class="spark" viewBox=${`0 0 ${width} ${height}`} width=${width} height=${height} aria-hidden="true">
    <polyline points=${points.filter(Boolean).join(" ")} /></svg>`;
}

// Shares as horizontal bars: rows [{label, value, note}]; `most` is the length of a whole bar.
export function Bars({ rows, most, format = (value) => number(value, 1), label }) {
  const top = most ?? Math.max(...rows.map((row) => row.value), 1e-9);
  return html`<table class="bars" aria-label=${label}><tbody>${rows.map((row) => html`<tr key=${row.label}>
    <th scope="row">${row.label}</th>
    <td class="bar" aria-hidden="true"><progress max=${top} value=${row.value}></progress></td>
    <td class="num">${format(row.value)}${row.note && html` <span class="note">${row.note}</span>`}</td></tr>`)}</tbody></table>`;
}
