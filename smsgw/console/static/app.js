// The shell: who is signed in, where they may go, in which language. Pages are modules of pages/, found by themselves.

import { currentSession, get, may, onLost, post, setSession, setSite } from "./lib/api.js";
import { Said } from "./lib/dialog.js";
import { keepFocus } from "./lib/focus.js";
import { Component, html, render, useEffect, useRef, useState } from "./lib/html.js";
import { Notice, Problem } from "./lib/parts.js";
import { link, useRoute } from "./lib/router.js";
import { SignIn } from "./lib/signin.js";
import { currentLanguage, keepLanguage, setZone, t, tOr, useLanguage } from "./lib/words.js";

const GROUPS = ["watch", "messages", "recipients", "content", "figures", "office"];
const LANGUAGES = [["zh", "中文"], ["en", "English"]];
const FIRST = ["overview", "pauses"];

// A page that can't be loaded is left out, and told in the browser's console; the others work.
async function loadPages() {
  const names = await (await fetch("/pages.json")).json();
  const found = await Promise.allSettled(names.map((name) => import(`./pages/${name}.js`)));
  found.filter((each) => each.status === "rejected").forEach((each) => console.error(each.reason));
  const pages = found.filter((each) => each.status === "fulfilled").map((each) => each.value.default);
  return pages.sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group) || (a.order ?? 50) - (b.order ?? 50));
}

const allowed = (page) => may(...(page.needs || []));

function Languages({ onChange }) {
  return html`<div class="languages" role="group" aria-label=${t("language")}>${LANGUAGES.map(([name, label]) => html`
    <button type="button" key=${name} lang=${name} aria-pressed=${String(name === currentLanguage())} onClick=${() => onChange(name)}>${label}</button>`)}
  </div>`;
}

// What goes wrong in one page leaves the rest of the console standing.
class Kept extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ error });
  }

  render({ children }, { error }) {
    return error ? html`<${Problem} error=${{ message: t("error.page", { why: error.message }) }} again=${() => this.setState({ error: null })} />` : children;
  }
}

function Navigation({ pages, current, isOpen, onClose, languages }) {
  const ref = useRef(null);
  const session = currentSession();
  useEffect(() => {
    if (isOpen) (ref.current.querySelector("[aria-current]") || ref.current.querySelector("a"))?.focus();
  }, [isOpen]);
  useEffect(() => { ref.current.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" }); }, [current]);
  const key = (event) => { if (event.key === "Escape" && isOpen) onClose(); };
  const signOut = async () => {
    await post("/api/session/end", { which: "this" }).catch(() => undefined);
    setSession(null);
    location.hash = "";
    location.reload();
  };
  return html`<nav class=${`navigation ${isOpen ? "open" : ""}`} id="navigation" aria-label=${t("navigation")} ref=${ref} onKeyDown=${key}>
    <div class="brand"><img src="/static/icon.svg" alt="" width="24" height="24" /><strong>smsgw</strong>
      <button type="button" class="icon drawer" aria-label=${t("close")} onClick=${onClose}>✕</button></div>
    <div class="groups">${GROUPS.map((group) => {
      const shown = pages.filter((page) => page.group === group && allowed(page));
      return shown.length > 0 && html`<section key=${group}><h2>${t(`group.${group}`)}</h2><ul>${shown.map((page) => html`
        <li key=${page.path}><a href=${link(page.path)} aria-current=${page.path === current ? "page" : undefined} onClick=${onClose}>${t(page.title)}</a></li>`)}
      </ul></section>`;
    })}</div>
    <div class="who"><div><strong>${session.name}</strong><div class="roles">${session.roles.map((role) => tOr(`role.${role}`, role)).join(t("comma"))}</div></div>
      ${languages}<button type="button" onClick=${signOut}>${t("sign_out")}</button></div>
  </nav>`;
}

function Shell({ pages, onLanguage }) {
  const route = useRoute();
  const [isOpen, setOpen] = useState(false);
  const main = useRef(null);
  const menu = useRef(null);
  const place = [route.page, ...route.args].join("/");
  const before = useRef(place);
  const seen = pages.filter(allowed);
  const name = route.page || (FIRST.map((first) => seen.find((page) => page.path === first)).find(Boolean) || seen[0])?.path;
  const page = pages.find((each) => each.path === name);
  const title = page ? t(page.title) : t("no_page");
  useEffect(() => {
    document.title = `${title} · smsgw`;
    if (before.current !== place) { main.current.focus({ preventScroll: true }); scrollTo(0, 0); }
    before.current = place;
  }, [place, title]);
  const wasOpen = useRef(false);
  useEffect(() => {
    if (wasOpen.current && !isOpen && !main.current.matches(":focus")) menu.current.focus();
    wasOpen.current = isOpen;
  }, [isOpen]);
  const close = () => setOpen(false);
  const skip = (event) => { event.preventDefault(); main.current.focus(); };
  const languages = html`<${Languages} onChange=${onLanguage} />`;
  let content;
  if (!page) content = html`<${Notice} kind="warn">${t("no_page.about")}</${Notice}>`;
  else if (!allowed(page)) content = html`<${Notice} kind="warn">${t("not_allowed", { roles: currentSession().roles.map((role) => tOr(`role.${role}`, role)).join(t("comma")) })}</${Notice}>`;
  else content = html`<${Kept} key=${name}><${page.View} args=${route.args} query=${route.query} session=${currentSession()} /></${Kept}>`;
  const canPause = may("POST /api/pauses") && pages.some((each) => each.path === "pauses");
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${skip}>${t("skip")}</a>
    <${Navigation} pages=${pages} current=${name} isOpen=${isOpen} onClose=${close} languages=${languages} />
    ${isOpen && html`<div class="shade" onClick=${close}></div>`}
    <div class="page" inert=${isOpen}>
      <header class="top">
        <button type="button" class="icon drawer" ref=${menu} aria-label=${t("navigation")} aria-expanded=${String(isOpen)} aria-controls="navigation" onClick=${() => setOpen(true)}>☰</button>
        <h1>${title}</h1>
        ${canPause && html`<a class="button emergency" href=${link("pauses", { now: 1 })}><span aria-hidden="true">❚❚</span> ${t("emergency")}</a>`}
      </header>
      <main id="main" tabindex="-1" ref=${main}>${content}</main>
    </div>
    <${Said} />
  </div>`;
}

function App({ pages }) {
  const [, again] = useState(0);
  const [wasSignedIn, setWas] = useState(false);
  const draw = () => again((n) => n + 1);
  useEffect(() => onLost(() => { setWas(true); draw(); }), []);
  const change = async (language) => {
    keepLanguage(language);
    await useLanguage(language);
    draw();
    requestAnimationFrame(() => {   // everything is made anew, and the button with it
      const button = document.querySelector(`.languages [lang=${language}]`);
      (button.checkVisibility() ? button : document.querySelector(".top .drawer")).focus();
    });
  };
  const signed = async (session) => {
    await begin(session);
    if (location.search) history.replaceState(null, "", `/${location.hash}`);
    draw();
  };
  const key = `${currentLanguage()} ${currentSession()?.name}`;
  if (!currentSession()) return html`<${SignIn} key=${key} onSigned=${signed} wasSignedIn=${wasSignedIn} languages=${html`<${Languages} onChange=${change} />`} />`;
  return html`<${Shell} key=${key} pages=${pages} onLanguage=${change} />`;
}

// The session with what it may, and the zone that the site writes its times in.
async function begin(session) {
  setSession(session.rights ? session : { ...session, ...(await get("/api/session").catch(() => ({}))) });
  const site = await get("/api/site").catch(() => null);
  if (!site) return;
  setSite(site);
  setZone(site.zone);
}

async function start() {
  const worded = useLanguage();   // before anything is asked, for an answer that is an error is put into words
  const signedIn = worded.then(() => get("/api/session")).then(begin, () => setSession(null));
  const [pages] = await Promise.all([loadPages(), worded, signedIn]);
  render(html`<${App} pages=${pages} />`, document.getElementById("app"));
  keepFocus();
}

start();
