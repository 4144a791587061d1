"""The page in a real browser: quiet, by itself, readable at any width and by night, usable by keyboard."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from harness.report.html import to_html
from tests.report.sample import HOSTILE, whole_report

pytestmark = pytest.mark.browser

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")


async def show(page: Page, folder: Path, value: str = "a" * 80) -> Page:
    """Opens a whole report from a file, as a person would; `value` stands in many places."""
    file = folder / "report.html"
    file.write_text(to_html(whole_report(value)), encoding="utf-8")
    await page.goto(file.as_uri())
    return page


@pytest.fixture
async def shown(page: Page, tmp_path: Path) -> Page:
    """The page of a whole report."""
    return await show(page, tmp_path)


async def open_everything(page: Page) -> None:
    await page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def test_verdict_and_finding_are_in_sight_without_a_click(shown: Page) -> None:
    await expect(shown.get_by_role("heading", level=1)).to_have_text("✕ NO-GO")
    finding = shown.locator("#refuted .finding").first
    for part in ("POST /api/openrouter", "200 application/json", "metadata row 17", "harness replay"):
        await expect(finding.get_by_text(part).first).to_be_visible()
    await expect(shown.locator("#refuted .finding").nth(1).get_by_text("200 application/json")).to_be_hidden()


async def test_claims_are_filtered_by_keyboard_and_their_count_is_told(shown: Page) -> None:
    told = shown.get_by_role("status")
    claims = shown.locator("#claims li:visible")
    every = await claims.count()
    await expect(told).to_have_text(f"{every} of {every} claims shown")
    await expect(told).to_have_attribute("aria-live", "polite")
    await shown.get_by_label("Text").focus()
    await shown.keyboard.type("BYTE for")
    await expect(told).to_have_text(f"1 of {every} claims shown")
    await expect(claims).to_contain_text("stored byte for byte")
    await press(shown, "Control+A", "Delete", "Tab", "Space")
    assert await shown.evaluate("document.activeElement.value") == "refuted"
    await expect(told).to_have_text(f"{every - 1} of {every} claims shown")
    await press(shown, "Tab", "Space", "Tab", "Space")
    await expect(told).to_have_text(f"{every - 3} of {every} claims shown")
    await expect(shown.locator("#claims li:visible .badge").first).to_have_text("proven")


async def test_focus_is_visible_wherever_the_keyboard_goes(shown: Page) -> None:
    seen = set()
    for _ in range(60):
        await shown.keyboard.press("Tab")
        style = "getComputedStyle(document.activeElement)"
        name, width, kind = await shown.evaluate(
            f"[document.activeElement.tagName, {style}.outlineWidth, {style}.outlineStyle]"
        )
        if name != "BODY":
            seen.add(name)
            assert (width, kind) == ("3px", "solid"), name
    assert seen >= {"A", "SUMMARY", "BUTTON", "INPUT"}


async def test_replay_command_is_copied_without_a_network(shown: Page) -> None:
    row = shown.locator(".copied").first
    await row.get_by_role("button", name="Copy").click()
    await expect(row.get_by_role("button", name="Copied")).to_be_visible()
    await shown.get_by_label("Text").focus()
    await shown.keyboard.press("Control+V")
    assert await shown.get_by_label("Text").input_value() == await row.locator("code").inner_text()


@pytest.mark.parametrize("width", [320, 360, 768, 1200])
async def test_page_does_not_scroll_sideways(page: Page, tmp_path: Path, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await show(page, tmp_path, HOSTILE + "w" * 500)
    await open_everything(page)
    assert await page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_stands_out_from_its_ground(shown: Page, scheme: str) -> None:
    await shown.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await open_everything(shown)
    found = await shown.evaluate(CONTRAST)
    assert found["seen"] > 150
    assert found["poor"] == []
    ground = await shown.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(245, 246, 248)") is (scheme == "light")


async def test_hostile_findings_stay_text(page: Page, tmp_path: Path) -> None:
    shown = await show(page, tmp_path, HOSTILE)
    await open_everything(shown)
    assert await shown.title() == "NO-GO: x-posthog-distinct-id, 2026-03-01"
    assert await shown.locator("img").count() == 1
    assert await shown.evaluate("document.images[0].naturalWidth") > 0
    await expect(shown.get_by_text("</script></style></pre>").first).to_be_visible()


async def test_script_that_got_into_the_page_would_not_run(browser: Browser, tmp_path: Path) -> None:
    page = await browser.new_page()  # one that may complain: the policy of the page is told in the console
    file = tmp_path / "report.html"
    evil = "<script>document.title = 'pwned'</script><img src=x onerror=\"document.title = 'pwned'\">"
    file.write_text(to_html(whole_report()).replace("<main", f"{evil}<main"), encoding="utf-8")
    await page.goto(file.as_uri())
    assert (await page.title()).startswith("NO-GO")


async def test_page_without_scripts_shows_everything(browser: Browser, tmp_path: Path) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await show(await context.new_page(), tmp_path)
    await expect(page.locator("#claims li").last).to_be_visible()
    await expect(page.get_by_role("search")).to_have_count(0)
    await expect(page.get_by_role("button", name="Copy")).to_have_count(0)


async def test_page_on_paper_is_white_and_opens_what_was_closed(shown: Page) -> None:
    await shown.emulate_media(media="print")
    await shown.evaluate("dispatchEvent(new Event('beforeprint'))")
    await expect(shown.get_by_role("search")).to_be_hidden()
    await expect(
        shown.locator("#refuted .finding").nth(1).get_by_text("200 application/json")
    ).to_be_visible()
    assert await shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [360, 400])
async def test_tables_are_read_on_a_phone_without_scrolling_sideways(
    page: Page, tmp_path: Path, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await show(page, tmp_path)
    await open_everything(page)
    wide = (
        "[...document.querySelectorAll('table.rows, table.stages, table.matrix')]"
        ".map(table => table.scrollWidth - table.parentElement.clientWidth)"
    )
    assert max(await page.evaluate(wide)) <= 0
    label = "getComputedStyle(document.querySelector('table.rows td'), '::before').content"
    assert await page.evaluate(label) not in ("none", "normal", '""')
    await expect(page.get_by_role("cell").first).to_be_attached()


async def test_matrix_on_a_phone_shows_each_build_with_its_claims(page: Page, tmp_path: Path) -> None:
    await page.set_viewport_size({"width": 360, "height": 800})
    await show(page, tmp_path)
    row = page.locator("table.matrix tbody tr").first
    cells = row.locator("td:visible")
    assert await cells.evaluate_all("cells => cells.map(cell => cell.dataset.label ?? '')") == ["", "V2"]
    label = "getComputedStyle(document.querySelector('table.matrix td:not(:empty)[data-label]'), '::before').content"
    assert "V2" in await page.evaluate(label)
    build, verdict = await row.get_by_role("rowheader").bounding_box(), await cells.first.bounding_box()
    assert build is not None
    assert verdict is not None
    assert verdict["y"] >= build["y"] + build["height"]
