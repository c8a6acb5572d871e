"""Chromium clicks through the control page of `motorpool simulate --control`, while mbpoll speaks to the boards."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, async_playwright, expect
from programs import MOTORPOOL, SITE, Program, require, run, running

pytestmark = [pytest.mark.peer, pytest.mark.real_time]

CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COIL, INPUT = "0", "1"
TOKEN = "0123456789abcdef"


@dataclass(slots=True)
class Watched:
    """A page, and whatever it did that a page here must not do."""

    page: Page
    program: Program
    printed: dict[str, Any]
    complaints: list[str] = field(default_factory=list)
    hosts: dict[str, None] = field(default_factory=dict)

    @property
    def url(self) -> str:
        found: str = self.printed["control"]
        return found

    def watch(self, context: BrowserContext) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.complaints.append(message.text)

        def request(made: Request) -> None:
            if made.url.startswith("http"):
                self.hosts[urlsplit(made.url).hostname or ""] = None

        context.on("console", console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", request)

    async def open(self, fragment: str = "", connection: str = "live") -> None:
        await self.page.goto(self.url + "/" + fragment)
        await expect(self.page.locator("header .connection")).to_have_class(f"connection {connection}")

    async def mbpoll(self, board: int, kind: str, channel: int, *value: str) -> str:
        """Read one channel of a board on line a, or write it."""
        device = self.printed["lines"]["a"].removeprefix("serial://").partition("?")[0]
        options = ("-m", "rtu", "-b", "9600", "-P", "none", "-1", "-o", "2")
        where = ("-a", str(board), "-t", kind, "-r", str(channel))
        return await run("mbpoll", *options, *where, device, *value)


@asynccontextmanager
async def watched(*options: str, script: str | None = None, **context: Any) -> AsyncIterator[Watched]:
    """The example site under control, and a browser at its page. `script` runs before the page's own."""
    chromium = require("chromium", "chromium")
    command = (*MOTORPOOL, "simulate", str(SITE), "--control", "0", "--json", *options)
    async with running(*command) as program, async_playwright() as playwright:
        printed = json.loads(await program.says())
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        opened = await browser.new_context(**{"locale": "en-GB", **context})
        page = await opened.new_page()
        if script is not None:
            await page.add_init_script(script)
        found = Watched(page, program, printed)
        found.watch(opened)
        yield found
        await browser.close()


async def odometer(page: Page, car: str) -> float:
    text = await page.locator(f"li[data-car={car}] .odometer").inner_text()
    return float(text.removesuffix(" km").replace(",", ""))


async def test_a_set_is_pulled_a_car_driven_and_a_fault_injected_by_clicking() -> None:
    require("mbpoll", "mbpoll")
    async with watched() as at:
        page = at.page
        await at.open()
        first = page.locator("[data-slot=A-01]")
        await expect(first).to_have_accessible_name("A-01, P-112, present, locked")
        await first.click()
        inspector = page.locator("[data-inspected=A-01]")
        await at.mbpoll(1, COIL, 1, "1")  # a program elsewhere switches the relay of the lock on
        await expect(first).to_have_accessible_name("A-01, P-112, present, unlocked")
        await inspector.get_by_role("button", name="Pull set").click()
        await expect(first).to_have_accessible_name("A-01, empty, unlocked")
        await expect(page.locator("#told")).to_have_text("set ks-112-1 (P-112) pulled from slot A-01")
        await expect(page.locator("[data-out=ks-112-1]")).to_be_visible()
        assert re.search(r"\[1\]:\s+0", await at.mbpoll(1, INPUT, 1))

        await page.locator("[data-slot=B-07]").click()
        await page.locator("[data-inspected=B-07]").get_by_role("button", name="Put set").click()
        await expect(page.locator("[data-slot=B-07]")).to_have_accessible_name("B-07, P-112, present, locked")

        car = page.locator("li[data-car=v-112]")
        before = await odometer(page, "v-112")
        await car.get_by_role("spinbutton").fill("12.5")
        await car.get_by_role("button", name="Drive").click()
        await expect(car.locator(".odometer")).to_have_text(f"{before + 12.5:,.1f} km")
        await car.get_by_role("textbox").fill("p0301")
        await car.get_by_role("textbox").press("Enter")
        await expect(car.locator(".codes")).to_contain_text("P0301")
        await car.get_by_role("button", name="Clear codes").click()
        await expect(car.locator(".codes")).to_have_text("no trouble codes")
        await car.get_by_role("button", name="Engine").click()
        await expect(car.get_by_role("button", name="Engine")).to_have_attribute("aria-pressed", "true")

        await page.locator("#fault-kind").select_option("latch_jammed")
        await page.locator("#fault-target").select_option("A-02")
        await page.get_by_role("button", name="Inject").click()
        fault = page.locator("li[data-fault='latch_jammed@A-02']")
        await expect(fault).to_contain_text("A-02 latch jammed not met yet")
        await at.mbpoll(1, COIL, 2, "1")
        await expect(fault).to_contain_text("met 1×")
        await expect(page.locator("[data-slot=A-02]")).to_have_accessible_name(
            "A-02, P-118, present, locked, latch_jammed"
        )
        await fault.get_by_role("button", name="Clear").click()
        await expect(fault).to_have_count(0)

        log = page.locator("ol.log li")
        await expect(log.filter(has_text="fault cleared: latch jammed, A-02")).to_have_count(1)
        await expect(log.filter(has_text="set ks-112-1 (P-112) pulled from slot A-01")).to_have_count(1)
        assert (at.complaints, list(at.hosts)) == ([], ["127.0.0.1"])


async def test_doors_supply_lines_and_time() -> None:
    async with watched() as at:
        page = at.page
        await at.open()
        cabinet = page.locator("article[data-cabinet=C]")
        await cabinet.get_by_role("button", name="Force door").click()
        await expect(cabinet).to_contain_text("door open")
        await cabinet.get_by_role("button", name="Shut door").click()
        await expect(cabinet).to_contain_text("door locked")
        for where, begin, end, shown in (
            ("article[data-cabinet=B]", "Cut mains", "Restore mains", "on battery"),
            ("li[data-board='A/a2']", "Switch off", "Switch on", "no supply"),
            ("li[data-line=b]", "Cut", "Restore", "cut"),
        ):
            thing = page.locator(where)
            await thing.get_by_role("button", name=begin, exact=True).click()
            await expect(thing.get_by_text(shown, exact=True)).to_be_visible()
            await thing.get_by_role("button", name=end, exact=True).click()
            await expect(thing.get_by_text(shown, exact=True)).to_have_count(0)
        await page.locator("#fault-kind").select_option("lights_left_on")
        await page.locator("#fault-target").select_option("v-118")
        await page.get_by_role("button", name="Inject").click()
        battery = page.locator("li[data-car=v-118] dd").last
        await expect(battery).to_have_text("12.6 V")
        await page.get_by_role("button", name="1 h", exact=True).click()
        await expect(page.locator("#clock")).to_contain_text("01:00:")
        await expect(page.locator("#told")).to_have_text("1 h went by")
        await expect(battery).not_to_have_text("12.6 V")
        assert (at.complaints, list(at.hosts)) == ([], ["127.0.0.1"])


async def test_what_cannot_be_done_is_said_and_the_page_speaks_chinese() -> None:
    async with watched() as at:
        page = at.page
        await at.open()
        await page.locator("[data-slot=A-01]").click()
        await page.get_by_role("button", name="Pull set").click()
        told = page.locator("#told.bad")
        await expect(told).to_have_text("Not possible: slot 1 of cabinet A holds set ks-112-1")
        await page.get_by_role("button", name="中文").click()
        await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        await expect(page.locator("article[data-cabinet=A] h2")).to_have_text("A 柜 值班室")
        await page.get_by_role("button", name="取钥匙", exact=True).click()
        await expect(told).to_have_text("无法做到:A 柜 1 号钥匙位锁住了钥匙串 ks-112-1")
        await page.reload()
        await expect(page.locator("article[data-cabinet=A] h2")).to_have_text("A 柜 值班室")


async def test_the_keyboard_reaches_every_slot() -> None:
    async with watched() as at:
        page = at.page
        await at.open()
        await page.locator("[data-slot=A-01]").focus()
        for key, slot in (
            ("ArrowRight", "A-02"),
            ("ArrowDown", "A-10"),
            ("ArrowLeft", "A-09"),
            ("End", "A-16"),
        ):
            await page.keyboard.press(key)
            await expect(page.locator(f"[data-slot={slot}]")).to_be_focused()
        await page.keyboard.press("Home")
        await page.keyboard.press("Enter")
        await expect(page.locator("[data-slot=A-01]")).to_have_attribute("aria-pressed", "true")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Pull set")).to_be_focused()


async def test_on_a_telephone_nothing_is_cut_off() -> None:
    async with watched(viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark") as at:
        await at.open()
        await at.page.locator("[data-slot=A-01]").tap()
        await expect(at.page.get_by_role("button", name="Pull set")).to_be_visible()
        assert await at.page.evaluate("document.documentElement.scrollWidth") == 390


async def test_without_event_streams_the_page_polls() -> None:
    async with watched(script="delete window.EventSource") as at:
        await at.open(connection="polling")
        async with httpx.AsyncClient(base_url=at.url) as http:
            await http.post("/v1/sets/ks-118-1/override")
        await expect(at.page.locator("[data-slot=A-02]")).to_have_accessible_name("A-02, empty, locked")
        assert at.complaints == []


async def test_with_a_token_the_page_takes_it_from_its_address_and_hides_it() -> None:
    async with watched("--control-token", TOKEN) as at:
        await at.page.goto(at.url)
        await expect(at.page.locator("#app")).to_contain_text("needs its token")
        await at.open(f"#token={TOKEN}", "polling")
        assert TOKEN not in at.page.url
        await at.page.locator("[data-slot=A-02]").click()
        await at.page.get_by_role("button", name="Take with override key").click()
        await expect(at.page.locator("[data-out=ks-118-1]")).to_be_visible()


async def test_a_simulator_that_is_gone_is_said() -> None:
    async with watched() as at:
        await at.open()
        at.program.process.terminate()
        await expect(at.page.get_by_role("alert")).to_contain_text("does not answer")
        await expect(at.page.locator("header .connection")).to_have_text("not connected")
        assert await at.program.end() == []
