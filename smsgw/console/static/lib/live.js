// What the pages of what happens now share.

import { html } from "./html.js";
import { currentLanguage, number, t } from "./words.js";
import { Tag } from "./parts.js";

export const CARRIER_KINDS = { up: "good", partly: "warn", down: "bad", suspended: "warn", drained: "warn", unknown: "" };
export const CarrierState = ({ of }) => html`<${Tag} kind=${CARRIER_KINDS[of]}>${t(`carriers.state.${of}`)}</${Tag}>`;

// A rate: small ones with a digit behind the point.
export const perSecond = (value) => number(value, value < 10 ? 1 : 0);

// A text that the server says in both languages: `text` and `text_zh`.
export const said = (row, name) => row[currentLanguage() === "zh" ? `${name}_zh` : name];

// How much of something is used, as a bar with its numbers.
export const Used = ({ used, of, label }) => html`<span class="used"><progress max=${of || 1} value=${used} class=${of && used >= of ? "bad" : of && used >= of * 0.8 ? "warn" : ""}
  aria-label=${label}></progress><span>${number(used)} / ${number(of)}</span></span>`;
