"""The live page of `harness serve` in a real browser: what the terminal shows, filtered, counted, safe and readable."""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from harness.database.server import Server
from tests.fix_serve import LIMIT_S, Serve

pytestmark = pytest.mark.browser

VALID = b"vscode-0123456789abcdef"
SECOND_MS = 1000.0
CONTRAST = (Path(__file__).parents[1] / "report" / "contrast.js").read_text(encoding="utf-8")

WHEN_SHOWN = """
() => new Promise((resolve) => {
  const look = () => {
    if (document.querySelector('#log li[data-state="stored"]')) resolve(Date.now());
    else requestAnimationFrame(look);
  };
  look();
})
"""
"""The moment at which a stored row stands on the page, in milliseconds since 1970."""


@asynccontextmanager
async def command(server: Server) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str], str]]:
    """`harness serve` in a process: it, the facts that it printed, and its curl line."""
    words = ["-m", "harness", "serve", "--port", "0", "--postgres", server.dsn("postgres")]
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    try:
        told = [await line(process)]
        while "Ctrl-C ends it" not in told[-1]:
            told.append(await line(process))
        facts = dict(re.findall(r"^  (\S.*?)  +(\S+)", "\n".join(told), re.MULTILINE))
        yield process, facts, told[told.index("Try it:") + 1].strip()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def line(process: asyncio.subprocess.Process) -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        read = await process.stdout.readline()
    assert read, "it ended"
    return read.decode().rstrip("\n")


async def test_curl_line_shows_a_request_within_a_second(server: Server, page: Page) -> None:
    async with command(server) as (process, facts, curl):
        await page.goto(facts["page"])
        await expect(page.locator("#link")).to_have_text("live")
        assert await page.locator("#curl").text_content() == curl
        shown = asyncio.create_task(page.evaluate(WHEN_SHOWN))
        sent_ms = time.time() * 1000
        sending = await asyncio.create_subprocess_shell(curl, stdout=asyncio.subprocess.DEVNULL)
        ended = await line(process)
        printed_ms = time.time() * 1000
        assert await sending.wait() == 0
        on_page_ms = await shown
    assert ended.startswith("#1  ")
    row = re.search(r"stored as sent  row ([0-9a-f-]{36})$", ended)
    assert row is not None
    await expect(page.locator("#log li")).to_contain_text(row[1])
    await expect(page.locator("#link")).to_have_text(re.compile("^(live|ended)"))
    assert printed_ms - sent_ms < SECOND_MS
    assert on_page_ms - sent_ms < SECOND_MS


async def test_page_shows_each_request_and_counts_them(serve: Serve, page: Page) -> None:
    stack = await serve()
    await page.goto(stack.address.page)
    await expect(page.locator("#empty")).to_have_text("No request yet.")
    stored = await stack.seen(VALID)
    first = page.locator("#log li").first
    await expect(first).to_contain_text("stored as sent")
    await expect(first).to_contain_text(f'"{VALID.decode()}"')
    await expect(first).to_contain_text(str(stored.rows[0].usage_id))
    await stack.seen(b"a" * 256)
    await expect(first).to_contain_text("too long: 256 > 255")
    await expect(first.locator(".badge")).to_have_text("NULL")
    await stack.seen(VALID, headers={"authorization": f"Bearer {stack.address.user.token}"})
    await expect(first).to_contain_text(stack.address.user.email)
    await stack.send(b"a\x01b")
    await expect(first).to_contain_text(r"character \x01 at position 2")
    for name, count in {"requests": "4", "stored": "2", "null": "1", "lost": "0", "faulty": "0"}.items():
        await expect(page.locator(f"#count-{name}")).to_have_text(count)
    await expect(page.locator("#coverage")).to_have_text("50.0 %")
    await expect(page.locator("#coverage-of")).to_have_text("1 of 2 anonymous requests")
    await page.reload()
    await expect(page.locator("#log li")).to_have_count(4)


async def test_what_would_fail_the_gate_is_red_and_named(serve: Serve, page: Page) -> None:
    stack = await serve(build="loses-invalid", wait_s=0.1)
    await page.goto(stack.address.page)
    await stack.seen(b"!")
    await stack.seen(VALID)
    red = page.locator("#log li.faulty")
    await expect(red).to_have_count(1)
    await expect(red.locator(".fault")).to_contain_text("R1: expected one usage row")
    await expect(red.locator(".badge")).to_have_text("no row came")
    assert (
        await red.evaluate("(item) => getComputedStyle(item.querySelector('.fault')).color")
        == "rgb(171, 19, 32)"
    )
    await expect(page.locator("#count-faulty")).to_have_class("bad")
    await expect(page).to_have_title(re.compile("^✗ 2 "))


async def test_filter_works_by_keyboard_and_also_for_what_comes_later(serve: Serve, page: Page) -> None:
    stack = await serve()
    await stack.seen(b"one")
    await stack.seen(b"two!")
    await page.goto(stack.address.page)
    shown = page.locator("#log li:visible")
    await expect(shown).to_have_count(2)
    await page.keyboard.press("/")
    await page.keyboard.type("two")
    await expect(shown).to_have_count(1)
    await expect(page.locator("#shown")).to_have_text("1 of 2 requests match")
    await stack.seen(b"three")
    await expect(page.locator("#count-requests")).to_have_text("3")
    await expect(shown).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(shown).to_have_count(3)
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("input[value=stored]")).to_be_checked()
    await expect(shown).to_have_count(2)
    await page.keyboard.press("ArrowRight")
    await expect(shown).to_have_count(1)
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#empty")).to_have_text("No request matches.")


async def test_text_from_outside_is_text_on_the_page(serve: Serve, page: Page) -> None:
    stack = await serve(policy="length-only")
    markup = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    await stack.seen(markup.encode() + b"\xff\x80", headers={"x-forwarded-for": markup})
    await stack.send(VALID, path=f"/{markup}".replace(" ", "%20"), headers={"x-forwarded-for": "\x9b31m\xad"})
    await page.goto(stack.address.page)
    await expect(page.locator("#log li")).to_have_count(2)
    told = await page.locator("#log").text_content()
    assert told is not None
    assert markup in told
    assert r"\xff\x80" in told
    assert r"\x9b31m\xad" in told
    assert await page.locator("#log img, #log script").count() == 0
    assert await page.evaluate("document.scripts.length") == 1


async def test_page_follows_the_end_and_the_next_run(serve: Serve, page: Page) -> None:
    stack = await serve()
    await stack.seen(VALID)
    await page.goto(stack.address.page)
    await expect(page.locator("#log li")).to_have_count(1)
    await stack.end()
    await expect(page.locator("#link")).to_have_text(re.compile("^ended"))
    await expect(page.locator("#count-stored")).to_have_text("1")
    following = await serve(port=stack.port, build="before")
    await expect(page.locator("#link")).to_have_text("live")
    await expect(page.locator("#words")).to_contain_text("build before")
    await expect(page.locator("#log li")).to_have_count(0)
    await following.seen(VALID)
    await expect(page.locator("#log li")).to_have_count(1)


async def test_page_can_be_read_at_any_width_by_day_and_night(serve: Serve, page: Page) -> None:
    stack = await serve(build="limit-256")
    await stack.seen(b"a" * 256)
    await stack.seen(b"a", b"b", headers={"x-forwarded-for": "2001:db8:" + "0123:" * 20})
    await page.goto(stack.address.page)
    await expect(page.locator("#log li")).to_have_count(2)
    await page.locator("details").evaluate("(details) => { details.open = true; }")
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme)
        assert (await page.evaluate(CONTRAST))["poor"] == []
        for width in (320, 768, 1280):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
