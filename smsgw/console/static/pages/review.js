// Messages that a word held back until somebody has read them.

import { post, useApi } from "../lib/api.js";
import { html, useState } from "../lib/html.js";
import { Card, Change, Facts, Head, Id, Masked, Problem, Tag, Text, Time, Waiting } from "../lib/parts.js";
import { number, t, tOr } from "../lib/words.js";

const LIMIT = 20;

// "company:保本保息" — the list and the word; the word is marked in the text.
function Reason({ of }) {
  const [list, ...word] = of.split(":");
  return html`<${Tag} kind="warn">${tOr(`review.list.${list}`, list)} ${word.join(":")}</${Tag}>`;
}

const marked = (text, word) => (word ? text.split(word).flatMap((part, index) => (index ? [html`<mark>${word}</mark>`, part] : [part])) : text);

function Held({ of, done }) {
  const path = `/api/review/${of.id}`;
  const word = of.reason.split(":").slice(1).join(":");
  return html`<${Card} title=${html`<${Reason} of=${of.reason} />`} actions=${html`
      <${Change} label=${t("review.reject")} danger=${true} needs="POST /api/review/{message_id}/reject" intro=${t("review.reject.intro")} said=${t("review.rejected")}
        run=${({ why }) => post(`${path}/reject`, { why })} done=${done} />
      <${Change} label=${t("review.release")} primary=${true} needs="POST /api/review/{message_id}/release" intro=${t("review.release.intro")} said=${t("review.released")}
        run=${({ why }) => post(`${path}/release`, { why })} done=${done} />`}>
    <p class="message-text">${marked(of.text, word)}</p>
    <${Facts} of=${[
      [t("review.number"), html`<${Masked} number=${of.number} needs="POST /api/review/{message_id}/reveal" reveal=${async (why) => (await post(`${path}/reveal`, { why })).full_number} />`],
      [t("account"), of.account], [t("class"), t(`class.${of.message_class}`)], [t("review.signature"), of.signature && html`<${Text}>${of.signature}</${Text}>`],
      [t("review.template"), of.template], [t("review.campaign"), of.campaign], [t("review.segments"), number(of.segments)],
      [t("review.accepted"), html`<${Time} at=${of.accepted} />`], [t("review.expires"), html`<${Time} at=${of.expires} precision="minute" />`], [t("review.id"), html`<${Id} of=${of.id} />`],
    ]} /></${Card}>`;
}

function View() {
  const [places, setPlaces] = useState([""]);
  const after = places[places.length - 1];
  const found = useApi("/api/review", { limit: LIMIT, after }, { everyS: 15 });
  const rows = found.data?.items;
  return html`<${Head} about=${t("review.about")}>${found.data && html`<${Tag} kind=${found.data.total ? "warn" : "good"}>${t("review.count", { n: number(found.data.total) })}</${Tag}>`}</${Head}>
    ${found.data && html`<${Problem} error=${found.error} again=${found.reload} />`}
    ${rows?.length > 0 ? rows.map((each) => html`<${Held} key=${each.id} of=${each} done=${found.reload} />`)
      : html`<${Card}><${Waiting} of=${found} rows=${rows} empty=${t("review.none")} /></${Card}>`}
    <div class="buttons">
      ${places.length > 1 && html`<button type="button" onClick=${() => setPlaces(places.slice(0, -1))}>${t("pager.before")}</button>`}
      ${found.data?.next && html`<button type="button" onClick=${() => setPlaces([...places, found.data.next])}>${t("pager.after")}</button>`}
    </div>`;
}

export default { path: "review", title: "review.title", group: "messages", order: 40, needs: ["GET /api/review"], View };
