// Steps and rules of messages, in words.

import { currentLanguage, tOr } from "./words.js";

export const stepText = (step) => tOr(`messages.step.${step}`, step);
// The rule's own words come with it in both languages.
export const ruleText = ({ rule, rule_text, rule_text_zh }) => (currentLanguage() === "zh" ? rule_text_zh : rule_text) || rule;
