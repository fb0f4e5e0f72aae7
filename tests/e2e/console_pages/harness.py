"""The console's pages in a real browser, over a seeded site: one server, one Chromium, a page for whom a test wants.

    async def test_pausing(open_page: OpenPage) -> None:
        at = await open_page("engineer", "zh", 390)
        await at.go("pauses")
        ...
        at.is_fine()                      # nothing in the browser's console, no request that failed
        await at.no_sideways_scrolling()

Everybody is named after their one role. They come with a session that is already begun, so nobody waits for scrypt.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import pytest
import uvicorn
from fastapi import FastAPI

from smsgw.cli.console import _Explainer
from smsgw.config.load import load_site
from smsgw.config.passwords import hash_octets
from smsgw.config.people import PersonSettings, Role
from smsgw.config.site import Site
from smsgw.console.app import build_app
from smsgw.console.people import COOKIE
from smsgw.services.desk import Desk, Person
from smsgw.store.connection import Store, StoreSettings
from smsgw.store.secrets import new_secrets
from smsgw.store.server import EmbeddedServer
from tests.ports import free_port
from tests.store.conftest import BINARIES
from tests.unit.services.conftest import EXAMPLE, NOW_MS, TODAY

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MARKS = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(BROWSER is None or not BINARIES, reason="there is no Chromium, or no store server, here"),
]

ROLES: tuple[str, ...] = get_args(Role)
LANGUAGES = ("zh", "en")
WIDE, NARROW = 1280, 390
PASSWORD = "correct horse battery"
SOON_MS = 15_000
_HEIGHT = 800
#: Answers when nothing is awaited any more and what came is drawn: effects run after the next frame.
_SETTLED = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  for (let calm = 0; calm < 2;) {
    await frame();
    const busy = Number(document.documentElement.dataset.asking || 0) > 0 || document.querySelector(".waiting");
    calm = busy ? 0 : calm + 1;
  }
}"""


@dataclass
class Scene:
    """A console that is served, and the desks of its people for whoever seeds it."""

    site: Site
    store: Store
    app: FastAPI
    url: str

    def desk(self, role: str) -> Desk:
        """Somebody of a role at work beside the pages, such as who approves what the page's person wrote."""
        return Desk(self.site, self.store, Person(role, frozenset({role})), lambda: NOW_MS)

    @property
    def root(self) -> Desk:
        """Somebody who may do everything."""
        return Desk(self.site, self.store, Person("root"), lambda: NOW_MS)

    async def cookie(self, role: str) -> str:
        """A session of somebody, already begun."""
        people = self.app.state.people
        person = self.site.people[role]
        return str(await people.sessions.begin(people.desk_of(person), person, "127.0.0.1"))


@dataclass
class At:
    """A page in the browser."""

    page: Any
    role: str
    language: str
    #: What the browser's console called an error, and requests that failed.
    errors: list[str] = field(default_factory=list)

    async def settle(self) -> None:
        """Until what was asked for is drawn."""
        await self.page.evaluate(_SETTLED)

    async def go(self, place: str) -> None:
        """To ``pauses``, or ``templates/t1?tab=versions``."""
        await self.page.evaluate("place => { location.hash = '#/' + place }", place)
        await self.settle()

    async def sees(self, text: str, where: str = "body") -> None:
        """Waits for a text."""
        await playwright.expect(self.page.locator(where).first).to_contain_text(text, timeout=SOON_MS)

    async def sees_not(self, text: str, where: str = "main") -> None:
        """Waits until a text is gone."""
        await playwright.expect(self.page.locator(where).first).not_to_contain_text(text, timeout=SOON_MS)

    def button(self, name: str, within: str = "main") -> Any:
        """A button or link by its name, as who can't see it has it."""
        inside = self.page.locator(within).first
        return inside.get_by_role("button", name=name, exact=True).or_(
            inside.get_by_role("link", name=name, exact=True)
        )

    async def answer(self, **fields: str) -> None:
        """Fill in the dialog that is open, by the names of its fields, and send it; waits until it is closed."""
        dialog = self.page.locator("dialog[open]")
        for name, value in fields.items():
            control = dialog.locator(f"[name={name}]")
            if await control.evaluate("each => each.tagName") == "SELECT":
                await control.select_option(value)
            else:
                await control.fill(value)
        await dialog.locator("button[type=submit]").click()
        await playwright.expect(dialog).to_have_count(0, timeout=SOON_MS)
        await self.settle()

    async def no_sideways_scrolling(self) -> None:
        """What is wider than the window, by name."""
        wide = await self.page.evaluate(_TOO_WIDE)
        assert not wide, f"{self.role} {self.language} {self.page.url}: wider than the window: {wide}"

    def is_fine(self) -> None:
        """Nothing went wrong since the last time this was asked."""
        errors, self.errors[:] = list(self.errors), []
        assert not errors, f"{self.role} {self.language} {self.page.url}: {errors}"

    async def screenshot(self, name: str) -> None:
        """Only when SMSGW_SCREENSHOTS names a directory."""
        directory = os.environ.get("SMSGW_SCREENSHOTS")
        if directory:
            Path(directory).mkdir(parents=True, exist_ok=True)
            await self.page.screenshot(path=Path(directory) / f"{name}.png", full_page=True)


_TOO_WIDE = """() => {
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most && document.body.scrollWidth <= most) return [];
  return [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > most + 0.5)
    .slice(0, 5).map((each) => `${each.tagName}.${each.className} ${Math.round(each.getBoundingClientRect().right)}`)
    .concat([`window ${most}`]);
}"""

OpenPage = Callable[..., Awaitable[At]]


def people() -> dict[str, PersonSettings]:
    """One person of each role, who may sign in with ``PASSWORD``."""
    stored = hash_octets(PASSWORD.encode(), n=2**10)
    bounds = {"application": {"accounts": ["shop"]}}
    ways = {"password": stored}
    made = [{"name": role, "roles": [role], "oidc": f"sub-{role}", **ways, **bounds.get(role, {})} for role in ROLES]
    people = map(PersonSettings.model_validate, made)
    return {each.name: each for each in people}


@asynccontextmanager
async def open_scene(directory: Path) -> AsyncIterator[Scene]:
    """A console over a store of its own, not yet seeded, that is served until the end."""
    shutil.copytree(EXAMPLE, directory / "site", ignore=shutil.ignore_patterns("state"))
    site = replace(load_site(directory / "site", today=TODAY), people=people())
    server = EmbeddedServer(directory / "store", binary=next(iter(BINARIES.values())))
    await server.start()
    secrets = new_secrets()
    settings = StoreSettings(partitions=2)
    store = Store(server.url, sealer=secrets.sealer(), recipients=secrets.hasher(), settings=settings)
    await store.ready()
    app = build_app(site, store, lambda: NOW_MS, explain=_Explainer(site).explain)
    port = free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off", ws="none")
    serving = uvicorn.Server(config)
    config.load()
    task = asyncio.create_task(serving._serve())
    while not serving.started:
        assert not task.done(), task.result()
        await asyncio.sleep(0.01)
    try:
        yield Scene(site, store, app, f"http://127.0.0.1:{port}")
    finally:
        serving.should_exit = serving.force_exit = True
        with suppress(asyncio.CancelledError):
            await task
        await store.close()
        await server.stop()


@asynccontextmanager
async def open_browser() -> AsyncIterator[Any]:
    """One Chromium."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with playwright.async_playwright() as driver:
        running = await driver.chromium.launch(executable_path=BROWSER, args=arguments)
        yield running
        await running.close()


async def open_at(
    scene: Scene, browser: Any, role: str, language: str = "en", width: int = WIDE, dark: bool = False, place: str = ""
) -> At:
    """A page of the console; ``role`` empty for somebody who has not signed in."""
    context = await browser.new_context(
        viewport={"width": width, "height": _HEIGHT},
        locale={"zh": "zh-CN", "en": "en-US"}[language],
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(SOON_MS)
    if role:
        await context.add_cookies([{"name": COOKIE, "value": await scene.cookie(role), "url": scene.url}])
    page = await context.new_page()
    at = At(page, role, language)
    page.on("console", lambda said: at.errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: at.errors.append(str(error)))
    page.on("response", lambda got: at.errors.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    await page.goto(f"{scene.url}/#/{place}")
    await page.wait_for_selector("#main")
    await at.settle()
    return at
