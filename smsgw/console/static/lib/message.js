// One message whole, for the page of messages.

import { may, post, useApi } from "./api.js";
import { html, useState } from "./html.js";
import { ruleText, stepText } from "./message_words.js";
import { Card, Change, Facts, Id, Notice, Tag, Text, Time } from "./parts.js";
import { link } from "./router.js";
import { Waiting } from "./table.js";
import { duration, money, number, t, tOr, time } from "./words.js";

const REVEAL = "POST /api/messages/{message_id}/reveal";
const DETAILS = ["route", "until", "reason", "bind", "carrier_message_id", "from_carrier", "attempt", "delay_ms", "state", "err", "dialled", "scope", "source", "lot", "verdict", "note", "expires"];
const GOOD = new Set(["final", "final_untold"]);

const legText = (leg) => t(`messages.leg.${leg}`);

function Detail({ of }) {
  const shown = DETAILS.filter((name) => of[name] !== undefined && of[name] !== "");
  return shown.map((name) => html`<span key=${name} class="pair"><span class="quiet">${t(`messages.detail.${name}`)}</span> <${Text}>${of[name]}</${Text}></span> `);
}

function Steps({ events }) {
  return html`<ol class="steps">${events.map((event, index) => html`<li key=${index} class=${`leg-${event.leg}`}>
    <div class="when"><${Time} at=${event.at} precision="clock" /><span class="quiet">+${duration(event.after_ms / 1000)}</span></div>
    <div class="what"><strong>${stepText(event.step)}</strong> <${Tag}>${legText(event.leg)}</${Tag}>
      ${event.carrier && html` <span>${event.carrier}</span>`}
      ${event.status && html` <code>${event.status}</code>`}
      ${event.took_ms > 0 && html` <span class="quiet">${t("messages.took", { time: duration(event.took_ms / 1000) })}</span>`}
      ${event.rule && html`<div><code>${event.rule}</code> ${ruleText(event)}</div>`}
      <div class="pairs"><${Detail} of=${event.detail} /></div></div></li>`)}</ol>`;
}

const Fields = ({ of, label }) => html`<table class="plain pdu" aria-label=${label}><tbody>${of.map((field, index) => html`<tr key=${index}>
  <th scope="row">${field.name}</th><td><code class="octets">${field.value || "—"}</code>${field.meaning && html` <span class="quiet">${field.meaning}</span>`}</td></tr>`)}</tbody></table>`;

function Pdu({ of }) {
  const name = `${of.command} ${of.direction === "in" ? "←" : "→"} ${of.leg === "carrier" ? of.carrier || legText("carrier") : legText("application")}`;
  return html`<details class="one-pdu">
    <summary><span class="quiet">${time(of.at, "clock")}</span> <strong>${of.command}</strong> ${t(`messages.direction.${of.leg}.${of.direction}`)}
      ${of.carrier && html` ${of.carrier}`} ${of.status && html` <code>${of.status}</code>`}
      ${of.source === "records" && html` <${Tag}>${t("messages.from_records")}</${Tag}>`}</summary>
    ${of.text && html`<p class="said"><${Text}>${of.text}</${Text}></p>`}
    <${Fields} of=${of.fields} label=${name} />
    ${of.parameters.length > 0 && html`<h3>${t("messages.parameters")}</h3><${Fields} of=${of.parameters} label=${`${name} TLV`} />`}
    ${of.octets > 0 && html`<p class="quiet">${t("messages.octets", { n: number(of.octets) })}</p>`}
  </details>`;
}

const nowText = ({ code, about }) => tOr(`messages.now.${code}`, code).replace(/\{(\w+)\}/g, (whole, name) => about[name] ?? whole);

export function MessageView({ id }) {
  const found = useApi(`/api/messages/${id}`);
  const [full, setFull] = useState(null);
  const message = full || found.data;
  const back = html`<a class="button" href=${link(["messages"])}>${t("messages.back")}</a>`;
  if (!message) return html`<${Card} actions=${back}><${Waiting} of=${found} rows=${[]} /></${Card}>`;
  const reveal = html`<${Change} label=${t("messages.reveal")} title=${t("messages.reveal")} intro=${t("messages.reveal.intro")} fields=${[]} needs=${REVEAL}
    run=${async ({ why }) => setFull(await post(`/api/messages/${id}/reveal`, { why }))} said=${t("messages.revealed")} />`;
  const legs = ["application", "carrier"];
  return html`
    <${Card} title=${t("messages.message")} actions=${html`${!full && may(REVEAL) && reveal}${back}`}>
      <p class="now"><${Tag} kind=${message.now.about.state === "DELIVERED" ? "good" : GOOD.has(message.now.code) || message.now.code === "refused" ? "bad" : "info"}>${nowText(message.now)}</${Tag}></p>
      <${Facts} of=${[
        [t("messages.id"), html`<${Id} of=${message.message_id} short=${false} />`],
        [t("messages.number"), html`<code class=${full ? "number revealed" : "number"}>${message.number}</code>`],
        [t("messages.account"), message.account], [t("messages.department"), message.department],
        [t("messages.class"), message.message_class && t(`messages.class.${message.message_class}`)],
        [t("messages.signature"), message.signature && html`<${Text}>${message.signature}</${Text}>`],
        [t("messages.template"), message.template], [t("messages.campaign"), message.campaign],
        [t("messages.source"), message.source], [t("messages.route"), message.route],
        [t("messages.network"), message.network && tOr(`messages.network.${message.network}`, message.network)], [t("messages.province"), message.province],
        [t("messages.segments"), number(message.segments)], [t("messages.cost"), message.cost ? money(message.cost) : ""],
        [t("messages.text"), message.text && html`<${Text}>${message.text}</${Text}>`],
      ]} />
    </${Card}>
    <${Card} title=${t("messages.timeline")}><${Steps} events=${message.events} /></${Card}>
    ${legs.map((leg) => html`<${Card} key=${leg} title=${t(`messages.pdus.${leg}`)}>
      ${leg === "carrier" && !message.carrier_pdus && !message.pdus.some((each) => each.leg === leg && each.source === "kept") && html`<${Notice}>${t("messages.pdus.off")}</${Notice}>`}
      ${message.pdus.filter((each) => each.leg === leg).map((each, index) => html`<${Pdu} key=${index} of=${each} />`)}
      ${!message.pdus.some((each) => each.leg === leg) && html`<p class="quiet">${t("messages.pdus.none")}</p>`}
    </${Card}>`)}`;
}
