"""A person without a mouse: Tab, arrows, Enter and typing, and what each stop of the focus has to be.

    keys = Keys(await open_page("engineer", "en", place="carriers/alpha"))
    await keys.tab_to("Suspend", "button")     # fails with the order it saw when the focus never comes there
    await keys.press("Enter")
    await keys.answer(("Reason", "works on the line"))

Every stop is looked at: the focus can be seen, nothing lies over it, and it follows the order of the page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tests.e2e.console_pages.harness import SOON_MS, At, playwright
from tests.e2e.console_pages.test_walk import WORDS

MOST_STOPS: Final = 120
_DRAWN_MS: Final = 250
# What has the focus, as who can't see it is told of it, and as who sees it finds it.
_STOP: Final = """() => {
  const each = document.activeElement;
  if (!each || each === document.body) { window.before = null; return null; }
  const heard = (node) => node.nodeType === 3 ? node.data
    : node.nodeType !== 1 || node.ariaHidden === "true" ? "" : [...node.childNodes].map(heard).join("");
  const roles = { A: "link", SELECT: "combobox", TEXTAREA: "textbox", INPUT: "textbox" };
  const role = each.getAttribute("role") || (each.type === "checkbox" ? each.type : roles[each.tagName])
    || each.tagName.toLowerCase();
  const name = each.getAttribute("aria-label") || [...(each.labels || [])].map(heard).join(" ") || heard(each);
  const style = getComputedStyle(each);
  const box = each.getBoundingClientRect();
  const within = (low, high, most) => Math.min(Math.max((low + high) / 2, 1), most - 1);
  const [x, y] = [within(box.left, box.right, innerWidth), within(box.top, box.bottom, innerHeight)];
  const over = document.elementFromPoint(x, y);
  const wrong = [];
  if (!name.trim()) wrong.push("it has no name");
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) wrong.push("its focus can't be seen");
  if (box.bottom < 0 || box.top > innerHeight || !over || !(each.contains(over) || over.contains(each)))
    wrong.push(`it is covered by ${over?.tagName}.${over?.className} or outside the window`);
  const isSame = window.before === each;
  const isBack = window.before?.isConnected && !isSame
    && Boolean(window.before.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_PRECEDING);
  window.before = each;
  const [inDialog, inMain] = [each.closest("dialog") !== null, each.closest("main") !== null];
  return { role, name: name.replace(/\\s+/g, " ").trim(), isSame, isBack, wrong, inDialog, inMain };
}"""


@dataclass
class Keys:
    """Keys pressed on a page; no selector ever moves the focus."""

    at: At
    seen: list[str] = field(default_factory=list)

    def word(self, key: str, **values: str) -> str:
        """A word of the page in the person's language."""
        found: str = WORDS[self.at.language][key]
        for name, value in values.items():
            found = found.replace(f"{{{name}}}", value)
        return found

    async def press(self, *names: str) -> None:
        """Keys one after the other, then until what they asked for is there."""
        for name in names:
            await self.at.page.keyboard.press(name)
        await self.at.settle()

    async def type(self, text: str) -> None:
        await self.at.page.keyboard.type(text)

    async def stop(self) -> dict[str, Any] | None:
        """What has the focus; none when the page itself has it."""
        found: dict[str, Any] | None = await self.at.page.evaluate(_STOP)
        if found is not None and found["wrong"]:  # a page that was just drawn anew may still be scrolling there
            await self.at.settle()
            await self.at.page.wait_for_timeout(_DRAWN_MS)
            found["wrong"] = (await self.at.page.evaluate(_STOP) or found)["wrong"]
        if found is not None:
            self.seen.append(f"{found['role']} {found['name']}"[:60])
            where = f"{self.at.page.url} ({self.at.language}): {found['role']} {found['name']!r}"
            assert not found["wrong"] or found["role"] == "main", f"{where}: {found['wrong']}"
        return found

    async def tab_to(self, name: str, role: str = "", back: bool = False) -> None:
        """Tab, or Shift+Tab, until what has this name, and role, has the focus."""
        self.seen.clear()
        for _ in range(MOST_STOPS):
            await self.at.page.keyboard.press("Shift+Tab" if back else "Tab")
            found = await self.stop()
            if found and found["name"] == name and role in ("", found["role"]):
                return
        raise AssertionError(f"{self.at.page.url}: Tab never came to {role} {name!r}, but to {self.seen}")

    async def open(self, name: str, role: str = "button") -> None:
        """To it, and Enter."""
        await self.tab_to(name, role)
        await self.press("Enter")

    async def open_in(self, text: str, name: str) -> None:
        """The button of this name in the row, or the card, that has this text."""
        row = "document.activeElement.closest('tr, li, .card').textContent"
        for _ in range(MOST_STOPS):
            await self.tab_to(name, "button")
            if text in await self.at.page.evaluate(row):
                await self.press("Enter")
                return
        raise AssertionError(f"{self.at.page.url}: there is no {name!r} with {text!r}")

    async def choose(self, option: str) -> None:
        """In the select that has the focus, by arrows."""
        keyboard = self.at.page.keyboard
        await keyboard.press("Home")
        said = "document.activeElement.selectedOptions[0].textContent"
        for _ in range(await self.at.page.evaluate("document.activeElement.options.length")):
            if await self.at.page.evaluate(said) == option:
                await self.at.settle()
                return
            await keyboard.press("ArrowDown")
        raise AssertionError(f"{self.at.page.url}: arrows never came to {option!r}")

    async def fill(self, *fields: tuple[str, str]) -> None:
        """Each field by its label: what a select shows, ``x`` for a box to tick, or a text."""
        for label, value in fields:
            here = await self.stop()
            if here is None or here["name"] != label:
                await self.tab_to(label)
            role = (await self.stop() or {})["role"]
            if role == "combobox":
                await self.choose(value)
            elif role == "checkbox":
                await self.at.page.keyboard.press("Space")
            else:
                await self.type(value)

    async def answer(self, *fields: tuple[str, str], submit: str) -> None:
        """The dialog that is open: fill it in and send it; it closes, and the focus is not lost."""
        await playwright.expect(self.at.page.locator("dialog[open]")).to_be_visible()
        first = await self.stop()
        assert (first or {}).get("inDialog"), f"{self.at.page.url}: the dialog did not take the focus"
        await self.fill(*fields)
        await self.open(submit)
        await playwright.expect(self.at.page.locator("dialog[open]")).to_have_count(0, timeout=SOON_MS)
        await self.at.settle()
        assert await self.at.page.evaluate("document.activeElement !== document.body"), "the focus is lost"

    async def escape(self, name: str) -> None:
        """Escape closes the dialog that is open, and what opened it has the focus again."""
        await self.press("Escape")
        await playwright.expect(self.at.page.locator("dialog[open]")).to_have_count(0)
        here = await self.stop()
        assert (here or {}).get("name") == name, f"{self.at.page.url}: the focus is at {here}, not at {name!r}"
