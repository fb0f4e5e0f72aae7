// Signing in: name, password and, where one is asked for, the telephone's code; or the company's own way.

import { get, post } from "./api.js";
import { html, useEffect, useState } from "./html.js";
import { Form } from "./form.js";
import { t } from "./words.js";

// What went wrong at the company's identity provider, as its way back says.
const WORDS = ["over", "refused", "away", "unknown", "wait"];

export function SignIn({ onSigned, languages, wasSignedIn }) {
  const [ways, setWays] = useState(null);
  useEffect(() => {
    document.title = `${t("sign_in")} · smsgw`;
    get("/api/session/ways").then(setWays, () => setWays({}));
  }, []);
  const cameBack = WORDS.find((word) => new URLSearchParams(location.search).get("oidc") === word);
  const hasPassword = ways?.password !== false;
  const fields = [
    { name: "name", label: t("name"), required: true, autocomplete: "username", max: 100 },
    { name: "password", label: t("password"), type: "password", required: true, autocomplete: "current-password", max: 200 },
    { name: "code", label: t("code"), hint: t("code.hint"), autocomplete: "one-time-code", inputmode: "numeric", max: 20 },
  ];
  return html`<main class="signin" id="main">
    <div class="brand"><img src="/static/icon.svg" alt="" width="36" height="36" /><div><h1>${t("console")}</h1><p>${t("console.about")}</p></div></div>
    ${cameBack && html`<p class="notice warn" role="alert">${t(`sign_in.oidc.${cameBack}`)}</p>`}
    ${wasSignedIn && html`<p class="notice warn" role="status">${t("session.over")}</p>`}
    ${ways?.oidc && html`<a class="button primary" href=${ways.oidc.start}>${t("sign_in.oidc", { name: ways.oidc.label || "OpenID Connect" })}</a>`}
    ${hasPassword && html`<${Form} fields=${fields} submit=${t("sign_in")} autofocus=${true}
      run=${async (values) => onSigned(await post("/api/session", values))} />`}
    <footer>${languages}</footer>
  </main>`;
}
