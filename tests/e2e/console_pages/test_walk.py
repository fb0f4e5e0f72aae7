"""Every page, by every role, in both languages, in a wide and in a narrow window."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from smsgw.console.pages import STATIC, words_of
from tests.e2e.console_pages.harness import LANGUAGES, MARKS, NARROW, ROLES, WIDE, At, OpenPage
from tests.e2e.console_pages.seed import PLACES

pytestmark = MARKS

SEES_MOST = "admin" if "admin" in ROLES else "compliance"
PAGES = sorted(path.stem for path in (STATIC / "pages").glob("*.js"))
WANTED = os.environ.get("SMSGW_PAGES", "").split() or PAGES
"""Those that are looked at; whoever works on a page names it."""
WORDS = {language: words_of(language) for language in LANGUAGES}
# Goes to each place, waits until it is drawn, and says what it found there.
_WALK = """async (places) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const found = [];
  for (const place of places) {
    location.hash = `#/${place}`;
    for (let calm = 0; calm < 2;) {
      await frame();
      const busy = Number(document.documentElement.dataset.asking || 0) > 0 || document.querySelector(".waiting");
      calm = busy ? 0 : calm + 1;
    }
    const most = document.documentElement.clientWidth;
    const isWide = Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) > most;
    const wide = isWide ? [...document.querySelectorAll("body *")]
      .filter((each) => each.getBoundingClientRect().right > most + 0.5)
      .slice(0, 4).map((each) => `${each.tagName}.${each.className}`) : [];
    const named = (each) => (each.getAttribute("aria-label") || each.textContent || "").trim()
      || [...(each.labels || [])].some((label) => label.textContent.trim());
    const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
    const unfit = [
      ...[...document.querySelectorAll("button, a[href], input, select, textarea")].filter((each) => !named(each)),
      ...document.querySelectorAll("table:not([aria-label]), img:not([alt]), dialog:not([aria-labelledby])"),
      ...document.querySelectorAll("[tabindex]:not([tabindex='0'], [tabindex='-1'])"),
    ].map((each) => each.outerHTML.slice(0, 120)).concat(ids.filter((id, place) => ids.indexOf(id) !== place));
    found.push({ place, wide, unfit, heading: document.querySelector("h1").textContent, title: document.title,
      alerts: [...document.querySelectorAll("[role=alert]")].map((each) => each.textContent),
      main: document.querySelector("main").textContent });
  }
  return found;
}"""


def place_of(place: str) -> str:
    """The page that it is of."""
    return re.split("[/?]", place)[0]


async def listed(at: At) -> dict[str, dict[str, Any]]:
    """Title and needs of each page, as the modules say."""
    found = await at.page.evaluate(
        """async (names) => Object.fromEntries(await Promise.all(names.map(async (name) => {
          const { path, title, needs, group } = (await import(`/static/pages/${name}.js`)).default;
          return [name, { path, title, needs: needs || [], group }];
        })))""",
        PAGES,
    )
    return dict(found)


async def rights_of(at: At) -> set[str]:
    return set(await at.page.evaluate("async () => (await (await fetch('/api/session')).json()).rights"))


async def walk(at: At, pages: dict[str, dict[str, Any]], allowed: list[str], also: tuple[str, ...] = ()) -> None:
    """To every page that the person may see, to what its rows open, and ``also`` to others."""
    known = WORDS[at.language]
    places = [*allowed, *also, *(place for place in PLACES if place_of(place) in allowed)]
    places = [place for place in places if place_of(place) in WANTED]
    refusal = re.escape(known["not_allowed"]).replace(re.escape("{roles}"), ".*")
    for found in await at.page.evaluate(_WALK, places):
        name = place_of(found["place"])
        where = f"{found['place']} by {at.role} in {at.language}"
        title = known[pages[name]["title"]]
        assert found["heading"] == title, where
        assert found["title"].startswith(title), where
        assert found["wide"] == [], f"{where}: wider than the window"
        assert found["alerts"] == [], where
        assert found["unfit"] == [], f"{where}: nobody can name it"
        assert bool(re.search(refusal, found["main"])) == (name not in allowed), where
        assert found["main"].strip(), where
    at.is_fine()


async def resize(at: At, width: int) -> None:
    await at.page.set_viewport_size({"width": width, "height": 800})


async def switch(at: At, language: str) -> None:
    """By the buttons; the words come from the server."""
    await at.page.locator(f".languages [lang={language}]").evaluate("each => each.click()")
    await at.page.wait_for_function("language => document.documentElement.lang.startsWith(language)", arg=language)
    at.language = language


@pytest.mark.parametrize("role", ROLES)
async def test_every_page(open_page: OpenPage, role: str) -> None:
    at = await open_page(role, "zh", WIDE)
    pages, rights = await listed(at), await rights_of(at)
    allowed = [name for name, page in pages.items() if rights.issuperset(page["needs"])]
    links = await at.page.locator("nav.navigation .groups a").evaluate_all(
        "all => all.map((each) => each.getAttribute('href'))"
    )
    assert sorted(links) == sorted(f"#/{name}" for name in allowed)
    await walk(at, pages, allowed, tuple(name for name in pages if name not in allowed))
    if role == SEES_MOST:
        await resize(at, NARROW)
        await walk(at, pages, allowed)
        await resize(at, WIDE)
        await switch(at, "en")
        await walk(at, pages, allowed)
    else:
        await switch(at, "en")
    await resize(at, NARROW)
    await walk(at, pages, allowed)


@pytest.mark.skipif("SMSGW_SCREENSHOTS" not in os.environ, reason="nobody wants to look at them")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_screenshots(open_page: OpenPage, language: str, width: int, dark: bool) -> None:
    at = await open_page(SEES_MOST, language, width, dark=dark)
    for place in (*PAGES, *PLACES):
        if place_of(place) in WANTED:
            await at.go(place)
            name = re.sub(r"\W", "_", place)
            await at.screenshot(f"{name}.{language}.{width}.{'dark' if dark else 'light'}")
