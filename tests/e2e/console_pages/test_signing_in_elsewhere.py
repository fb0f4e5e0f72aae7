"""Signing in by the company's identity provider in a real browser: which cookies it takes along, from site to site."""

from __future__ import annotations

from typing import Any

from smsgw.services.oidc import Provider as Known
from tests.e2e.console_pages.harness import MARKS, OpenPage, Scene, playwright
from tests.unit.console.oidc_provider import Provider

pytestmark = MARKS


async def test_there_and_back(scene: Scene, open_page: OpenPage, monkeypatch: Any) -> None:
    # The provider is at 127.0.0.1, so the console, by its name, is another site to the browser.
    url = scene.url.replace("127.0.0.1", "localhost")
    people = scene.app.state.people
    with Provider(sub="sub-viewer") as provider:
        settings = provider.settings(url).model_copy(update={"label": "Example ID"})
        known = Known(settings, scene.store.sealer, people.sessions.use_state, people.sessions.now_ms)
        monkeypatch.setattr(people, "provider", known)
        at = await open_page("", "en")
        await at.page.goto(f"{url}/")
        await at.button("Sign in with Example ID", "body").focus()
        await at.page.keyboard.press("Enter")
        await at.sees("Pauses", "nav.navigation")
        assert at.page.url.partition("#")[0] == f"{url}/"
        await at.sees("viewer", "nav")
        await at.page.reload()
        await at.sees("Pauses", "nav.navigation")
        provider.sub = "stranger"
        await at.page.context.clear_cookies()
        await at.page.goto(f"{url}/api/session/oidc")
        await at.sees("Your account is not registered here", "[role=alert]")
        await playwright.expect(at.page.locator("nav.navigation")).to_have_count(0)
