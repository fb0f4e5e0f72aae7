// Words of the national and the company's list, and what each does.

import { post, put, upload } from "../lib/api.js";
import { html } from "../lib/html.js";
import { Change, Tag } from "../lib/parts.js";
import { Register } from "../lib/register.js";
import { number, t } from "../lib/words.js";

const ACTIONS = ["reject", "review", "count"];
const LISTS = ["company", "national"];

function View({ query, session }) {
  const listField = { name: "list", label: t("words.list"), type: "select", options: LISTS.map((each) => [each, t(`words.list.${each}`)]) };
  const rest = (row) => [
    { name: "action", label: t("words.action"), type: "select", value: row?.action, options: ACTIONS.map((each) => [each, t(`words.action.${each}`)]) },
    { name: "category", label: t("words.category"), value: row?.category, max: 100 },
    { name: "evasion", label: t("words.evasion"), type: "checkbox", value: row?.evasion, hint: t("words.evasion.hint"), wide: true },
  ];
  const of = {
    path: "/api/words", about: t("words.about"), label: t("words.title"), addLabel: t("words.add"), nameOf: (row) => row.word,
    columns: [
      { key: "word", label: t("words.word"), main: true }, { key: "list", label: t("words.list"), render: (row) => t(`words.list.${row.list}`) },
      { key: "action", label: t("words.action"), render: (row) => html`<${Tag} kind=${{ reject: "bad", review: "warn", count: "" }[row.action]}>${t(`words.action.${row.action}`)}</${Tag}>` },
      { key: "category", label: t("words.category") }, { key: "evasion", label: t("words.evasion"), render: (row) => (row.evasion ? t("words.yes") : "") },
    ],
    filters: [
      { name: "search", label: t("search") }, { ...listField, options: [["", t("all")], ...listField.options] },
      { name: "action", label: t("words.action"), type: "select", options: [["", t("all")], ...ACTIONS.map((each) => [each, t(`words.action.${each}`)])] },
    ],
    needs: { add: "PUT /api/words", change: "PUT /api/words", remove: "POST /api/words/remove" },
    addFields: [{ name: "word", label: t("words.word"), required: true, max: 100 }, listField, ...rest()], add: (values) => put("/api/words", values),
    changeFields: rest, change: (row, values) => put("/api/words", { ...values, list: row.list, word: row.word }),
    remove: (row, why) => post("/api/words/remove", { list: row.list, word: row.word, why }),
  };
  const bring = ({ list, file, replace, why }) => upload("/api/words/import", file, { list, replace, name: file.name, why });
  return html`<${Register} of=${of} query=${query} session=${session}><${Change} label=${t("words.import")} needs="POST /api/words/import" intro=${t("words.import.intro")}
    fields=${[listField, { name: "file", label: t("words.file"), type: "file", accept: ".csv,text/csv", required: true }, { name: "replace", label: t("words.replace"), type: "checkbox", hint: t("words.replace.hint"), wide: true }]}
    run=${bring} said=${(done) => t("words.imported", { added: number(done.added), changed: number(done.changed), removed: number(done.removed) })} done=${() => location.reload()} /></${Register}>`;
}

export default { path: "words", title: "words.title", group: "content", order: 40, needs: ["GET /api/words"], View };
