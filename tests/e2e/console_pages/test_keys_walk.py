"""Tab through every page: all that can be pressed is a stop, in the order of the page, and nothing keeps the focus.

And what a page has to be for who sees little: names, headings in order, contrast in light and in dark.
"""

from __future__ import annotations

import pytest

from tests.e2e.console_pages.harness import MARKS, NARROW, WIDE, OpenPage
from tests.e2e.console_pages.keys import Keys
from tests.e2e.console_pages.seed import PLACES
from tests.e2e.console_pages.test_walk import PAGES, SEES_MOST

pytestmark = MARKS
MOST_STOPS = 90
# How many stops there should be: of the tabs and of the map's tiles only one each, and a table that can be scrolled.
_STOPS = """() => {
  const pressed = ":is(a, button, input, select, textarea, summary, [tabindex])";
  const scrolls = (each) => each.scrollWidth > each.clientWidth && !each.querySelector(pressed);
  return [...document.querySelectorAll(`main ${pressed}`)]
    .filter((each) => each.tabIndex >= 0 && !each.disabled && each.checkVisibility())
    .concat([...document.querySelectorAll("main .table-box:not([tabindex])")].filter(scrolls)).length;
}"""
_FIT = """() => {
  const light = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { r, g, b, a }; };
  const linear = (v) => v <= 10.3 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4;
  const lum = ({ r, g, b }) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (each) => {
    for (; each; each = each.parentElement) {
      const found = getComputedStyle(each).backgroundColor;
      if (!found.startsWith("rgb")) return null;
      if (light(found).a === 1) return light(found);
    }
    return { r: 255, g: 255, b: 255 };
  };
  const wrong = [];
  for (const each of document.querySelectorAll("body *")) {
    const hasText = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!hasText && !each.value && !each.placeholder || !each.checkVisibility()) continue;
    if (each.closest("svg, script, noscript, option, .hidden, [aria-disabled=true], :disabled")) continue;
    const [front, back] = [light(getComputedStyle(each).color), ground(each)];
    if (!back) continue;
    const [high, low] = [lum(front), lum(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${each.outerHTML.slice(0, 90)}`);
  }
  let last = 1;
  for (const each of document.querySelectorAll("main :is(h1, h2, h3, h4, h5, h6)")) {
    if (Number(each.tagName[1]) > last + 1) wrong.push(`${each.tagName} after H${last}: ${each.textContent}`);
    last = Number(each.tagName[1]);
  }
  for (const each of document.querySelectorAll("main :is(input, select, textarea)"))
    if (!each.labels?.length && !each.ariaLabel) wrong.push(`no label: ${each.outerHTML.slice(0, 90)}`);
  return [...new Set(wrong)];
}"""


async def walked(keys: Keys) -> tuple[int, int]:
    """How many stops there are from the page's beginning until Tab leaves it, and how many there should be."""
    at, wanted = keys.at, await keys.at.page.evaluate(_STOPS)
    count = 0
    for _ in range(MOST_STOPS):
        await at.page.keyboard.press("Tab")
        found = await keys.stop()
        if found is None or not found["inMain"]:
            return count, wanted
        assert not found["isBack"], f"{at.page.url}: {found['name']!r} comes late: {keys.seen[-3:]}"
        count += not found["isSame"]
    raise AssertionError(f"{at.page.url}: Tab never leaves the page: {keys.seen[-8:]}")


@pytest.mark.parametrize(("language", "width"), [("zh", NARROW), ("en", WIDE)])
async def test_tab_stops_at_everything_in_order_and_leaves(open_page: OpenPage, language: str, width: int) -> None:
    at = await open_page(SEES_MOST, language, width)
    keys = Keys(at)
    places = [
        place for n, place in enumerate((*PAGES, *PLACES)) if (n % 2 == 0) == (width == NARROW) and "now=1" not in place
    ]
    for place in places:
        await at.go(place)
        count, wanted = await walked(keys)
        assert count == wanted, f"{place}: {count} stops where there are {wanted}: {keys.seen}"
        keys.seen.clear()
    at.is_fine()


async def test_who_sees_little_can_read_every_page(open_page: OpenPage) -> None:
    at = await open_page(SEES_MOST, "en", NARROW)
    wrong = {}
    for place in (*PAGES, *PLACES):
        await at.go(place)
        for scheme in ("light", "dark"):
            await at.page.emulate_media(color_scheme=scheme)
            if found := await at.page.evaluate(_FIT):
                wrong[f"{place} {scheme}"] = found
    assert not wrong, wrong
