"""The control page in a real browser: what a tester sees and does, in both languages, by keyboard and on a phone."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulators.carrier.group import CarrierGroup
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.sim import CarrierSim
from simulators.control.app import make_app, serve
from simulators.esme import EsmeSettings, EsmeSim

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(_BROWSER is None, reason="there is no Chromium on PATH"),
]

_SOON_MS = 15_000
_SOON_S = 15.0
_ATTACK = "<script>document.title=1</script><img src=x onerror=alert()>\u202e"


@dataclass
class Open:
    """A page over two carriers, and an application bound to the first."""

    page: Any
    alpha: CarrierSim
    esme: EsmeSim
    #: Errors in the browser's console.
    errors: list[str] = field(default_factory=list)

    async def sees(self, text: str, where: str = "body") -> None:
        await playwright.expect(self.page.locator(where)).to_contain_text(text, timeout=_SOON_MS)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Any]:
    """One browser for all tests; each has a page with a storage of its own."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with playwright.async_playwright() as driver:
        running = await driver.chromium.launch(executable_path=_BROWSER, args=arguments)
        yield running
        await running.close()


@asynccontextmanager
async def _open(browser: Any, directory: Path, **context: Any) -> AsyncIterator[Open]:
    async with CarrierGroup([CarrierSettings(name="alpha", seed=7), CarrierSettings(name="beta")]) as group:
        alpha = group.carriers["alpha"]
        served = await serve(make_app(group, captures=directory), "127.0.0.1", 0)
        try:
            async with EsmeSim(EsmeSettings(alpha.port, system_id="shop")) as esme:
                page = await browser.new_page(**{"locale": "en-US", "timezone_id": "Asia/Shanghai", **context})
                page.set_default_timeout(_SOON_MS)
                opened = Open(page, alpha, esme)
                page.on("console", lambda said: opened.errors.append(said.text) if said.type == "error" else None)
                page.on("pageerror", lambda error: opened.errors.append(str(error)))
                await page.goto(served.url)
                await opened.sees("alpha", "#carriers")
                await alpha.wait_for(lambda: _watched(alpha), _SOON_S, "the page's stream")
                yield opened
                await page.close()
        finally:
            await served.stop()


def _watched(carrier: CarrierSim) -> bool:
    return any(link.tap is not None for link in carrier.links)


async def test_traffic_comes_live_and_a_click_decodes_it(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path) as it:
        await it.esme.submit("10690001", "13800138000", "【示例】您的验证码是482913", registered_delivery=1)
        line = it.page.locator("tr.line", has_text="482913").last
        await line.click()
        await it.sees("submit_sm", "#detail")
        for shown in ("data_coding", "UCS2", "destination_addr", "13800138000", "您的验证码是482913", "0000  00 00 00"):
            await it.sees(shown, "#detail")
        await it.page.locator("#detail form input").first.fill("MK:0001")
        await it.page.locator("#detail form button").click()
        await it.esme.wait_for(lambda: len(it.esme.receipts) == 2, _SOON_S)
        assert [entry.stat for entry in it.esme.entries("receipt")] == ["DELIVRD", "MK:0001"]
        await it.page.keyboard.press("Escape")
        await playwright.expect(it.page.locator("#detail")).to_be_hidden()
        assert it.errors == []


async def test_what_came_over_the_wire_is_only_ever_text(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path) as it:
        await it.esme.submit("<b>evil</b>", "19900001013", _ATTACK, registered_delivery=1)
        await it.sees("<script>document.title", "#rows")
        line = it.page.locator("tr.line", has_text="<script>document.title").first
        await line.click()
        await it.sees("<img src=x onerror", "#detail")
        await it.page.click("#tab-messages")
        await it.sees("<b>evil</b>", "#view-messages")
        await it.sees("\\u202e", "#view-messages")
        request = {"source": _ATTACK[:20], "destination": "1", "text": _ATTACK}
        it.alpha.send_mo(request["source"], request["destination"], request["text"])
        await it.page.click("#tab-traffic")
        assert await it.page.locator("main script, main img, main b b, #detail script, #detail img").count() == 0
        assert await it.page.title() == "Carrier simulator"
        assert it.errors == []


async def test_the_policy_stops_what_the_page_itself_would_not(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path) as it:
        inline = """() => {
            const script = document.createElement('script');
            script.textContent = 'document.title = 1';
            document.body.append(script);
        }"""
        await it.page.evaluate(inline)
        assert await it.page.title() == "Carrier simulator"
        reached = "fetch('http://localhost:9/').then(() => 'reached', () => 'stopped')"
        assert await it.page.evaluate(reached) == "stopped"
        assert any("Content Security Policy" in error for error in it.errors)


async def test_pause_holds_filter_finds_and_rows_are_bounded(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path) as it:
        rows = it.page.locator("#rows tr")
        await it.esme.submit("10690001", "13800138000", "before")
        await it.sees("before", "#rows")
        await it.page.get_by_role("button", name="Pause", exact=True).first.click()
        count = await rows.count()
        await it.esme.submit("10690001", "13800138001", "while paused")
        await it.sees("new", "#view-traffic .toolbar")
        assert await rows.count() == count
        await it.page.get_by_role("button", name="Go on").click()
        await it.sees("while paused", "#rows")
        await it.page.get_by_label("Filter").fill("submit_sm 13800138001")
        await playwright.expect(rows).to_have_count(1)
        await it.page.get_by_label("Filter").fill("")
        it.alpha.flood("mo", 1500)
        await it.esme.wait_for(lambda: len(it.esme.mo) == 1500, _SOON_S)
        await playwright.expect(rows).to_have_count(400)


async def test_mo_long_with_emoji_and_in_chinese(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path) as it:
        form = it.page.locator("#mo")
        for sample in ("Emoji", "Chinese", "Long"):
            await form.get_by_role("button", name=sample).click()
            await form.get_by_role("button", name="Send").click()
            await it.sees("Sent:", "#notice")
            await it.page.evaluate("document.getElementById('notice').textContent = ''")  # said once for each
        await it.esme.wait_for(lambda: len(it.esme.mo) == 4, _SOON_S)
        assert it.esme.mo[0].text == "收到了👍🎉 谢谢！"
        assert "".join(came.text for came in it.esme.mo[2:]).count("退货") == 4
        await it.sees("2 SMS", "#mo")


async def test_connections_are_broken_and_refusals_shown(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path) as it:
        await it.page.get_by_role("button", name="Half open #1").click()
        await it.sees("half open", "#links")
        assert it.alpha.links[0].mute
        await it.page.get_by_role("button", name="Drop #1").click()
        await it.sees("Nobody is connected", "#links")
        await it.esme.wait_for(lambda: not it.esme.bound, _SOON_S)
        await it.page.get_by_text("More faults").click()
        await it.page.get_by_role("button", name="Refuse binds").click()
        await it.sees("Settings changed", "#notice")
        assert it.alpha.settings.refuse_binds == 0x0D
        await it.page.get_by_label("Raw octets").fill("not hex")
        await it.page.get_by_role("button", name="Send octets").click()
        await it.sees("hexadecimal", "#notice")


async def test_settings_are_edited_and_mistakes_named(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path) as it:
        await it.page.click("#tab-settings")
        rate = it.page.locator('[name="limits.rate"]')
        await rate.fill("fast")
        await it.page.get_by_role("button", name="Apply changes").click()
        await it.sees("limits.rate: expected segments a second", "#notice")
        assert it.alpha.settings.tps == 0
        await rate.fill("50")
        await it.page.locator('[name="receipts.states"]').fill("DELIVRD:50%,UNDELIV:50%")
        await it.page.get_by_role("button", name="Apply changes").click()
        await it.alpha.wait_for(lambda: it.alpha.settings.tps == 50, _SOON_S)
        await playwright.expect(rate).to_have_value("50/s")
        await it.page.get_by_label("Find a setting").fill("rate")
        await playwright.expect(it.page.locator('[name="binds.most"]')).to_be_hidden()
        await playwright.expect(rate).to_be_visible()


async def test_the_clock_is_moved(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path) as it:
        before_s = it.alpha.clock.now_s()
        await it.page.locator("#clock summary").click()
        await it.page.get_by_role("button", name="+8 h").click()
        await it.sees("It is", "#notice")
        assert 28_800 <= it.alpha.clock.now_s() - before_s < 28_900
        await it.page.get_by_label("Set the time").fill("2026-11-18T21:30:00")
        await it.page.get_by_role("button", name="Set", exact=True).click()
        await it.sees("2026-11-18 21:3", "#face")
        assert it.alpha.clock.now().isoformat().startswith("2026-11-18T13:3")


async def test_the_run_is_recorded_and_reset(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path) as it:
        await it.page.click("#tab-run")
        await it.page.get_by_role("button", name="Record").click()
        await it.sees("recording", "#captures")
        await it.esme.submit("10690001", "13800138000", "recorded")
        await it.page.get_by_role("button", name="Stop").click()
        await it.sees("ended", "#captures")
        assert b"recorded" in await asyncio.to_thread((tmp_path / "run.pcap").read_bytes)
        await it.page.get_by_role("button", name="Reset").click()
        await it.sees("Everything counts from 0", "#notice")
        assert it.alpha.stats.submits == 0


async def test_chinese_dark_and_kept(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path, color_scheme="dark", locale="zh-CN") as it:
        assert await it.page.title() == "运营商模拟器"
        await it.sees("模拟用户上行")
        background = "getComputedStyle(document.body).backgroundColor"
        dark = await it.page.evaluate(background)
        await it.page.click("#theme")
        assert await it.page.evaluate(background) != dark
        await it.page.click("#language")
        await it.sees("Write as a subscriber")
        await it.page.reload()
        await it.sees("Write as a subscriber")
        assert await it.page.evaluate(background) != dark
        assert await it.page.evaluate("document.documentElement.lang") == "en"
        assert it.errors == []


async def test_everything_is_reached_by_keyboard(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path) as it:
        await it.esme.submit("10690001", "13800138000", "first")
        await it.esme.submit("10690001", "13800138000", "second")
        await it.sees("second", "#rows")
        await it.page.get_by_label("Filter").fill("submit_sm 13800138000")
        await it.page.locator('#rows tr[tabindex="0"]').focus()
        await it.page.keyboard.press("ArrowDown")
        await it.page.keyboard.press("Enter")
        await it.sees("first", "#detail blockquote")
        await it.page.keyboard.press("Escape")
        focused = "document.activeElement.closest('tr') !== null"
        assert await it.page.evaluate(focused)
        await it.page.locator("#tab-traffic").focus()
        await it.page.keyboard.press("ArrowRight")
        await playwright.expect(it.page.locator("#view-messages")).to_be_visible()
        nameless = """() => [...document.querySelectorAll('button, input, select, textarea')].filter((each) =>
            !each.closest('[hidden]') && !each.labels?.length && !each.getAttribute('aria-label')
            && !each.textContent.trim() && !each.hidden).length"""
        assert await it.page.evaluate(nameless) == 0


async def test_a_phone_shows_it_without_scrolling_sideways(browser: Any, tmp_path: Path) -> None:
    async with _open(browser, tmp_path, viewport={"width": 360, "height": 740}) as it:
        await it.esme.submit("10690001", "13800138000", "【示例】您的验证码是482913" * 4)
        await it.sees("482913", "#rows")
        for tab in ("traffic", "messages", "settings", "run"):
            await it.page.click(f"#tab-{tab}")
            assert await it.page.evaluate("document.documentElement.scrollWidth") <= 360, tab
