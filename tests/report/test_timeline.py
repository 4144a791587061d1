"""The picture of write latency: well-formed, to scale, and safe whatever the labels hold."""

import xml.etree.ElementTree as ElementTree

import pytest

from harness.report.timeline import BANDS, BUDGET, HELD, QUIET, WORDS, Band, Panel, timeline

SVG = "{http://www.w3.org/2000/svg}"
PANEL = Panel(
    "corrected",
    "the index & <friends>",
    writes=((0.0, 1.0), (100.0, 2.0), (205.0, 400.0), (900.0, 1.0)),
    bands=(Band("ALTER TABLE", 90.0, 101.0), Band("CREATE INDEX", 200.0, 600.0)),
)


def drawn(*panels: Panel) -> ElementTree.Element:
    return ElementTree.fromstring(timeline(panels, "a <title>"))  # noqa: S314  our own text


def texts(root: ElementTree.Element) -> list[str]:
    return [" ".join("".join(text.itertext()).split()) for text in root.iter(f"{SVG}text")]


def dots(root: ElementTree.Element, colour: str) -> int:
    paths = [
        path for path in root.iter(f"{SVG}path") if path.get("stroke") == colour and "h0" in path.get("d", "")
    ]
    return sum(path.get("d", "").count("M") for path in paths)


def test_timeline_marks_writes_within_a_statement() -> None:
    root = drawn(PANEL)
    assert dots(root, HELD) == 2
    assert dots(root, QUIET) == 2


def test_timeline_tells_each_statement_once_with_its_longest_run() -> None:
    retried = Panel(
        "retried", "", PANEL.writes, (Band("ALTER", 0, 50), Band("ALTER", 300, 356), Band("<b>", 400, 401))
    )
    assert "\u25a0 ALTER: 2 times, at most 56 ms \u25a0 <b>: 1 ms" in texts(drawn(retried))
    assert "\u25a0 ALTER TABLE: 11 ms \u25a0 CREATE INDEX: 400 ms" in texts(drawn(PANEL))


def test_timeline_gives_all_panels_the_same_scale() -> None:
    quick = Panel("quick", "", ((0.0, 1.0),), (Band("ALTER TABLE", 200.0, 600.0),))
    rects = [rect for rect in drawn(PANEL, quick).iter(f"{SVG}rect") if rect.get("fill-opacity")]
    assert (rects[1].get("x"), rects[1].get("width")) == (rects[2].get("x"), rects[2].get("width"))


def test_timeline_is_refused_when_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="there are none"):
        timeline([Panel("empty", "", (), ())], "empty")


@pytest.mark.parametrize("budget_ms", [0.1, 0.5, 1.0, 50.0, 400.0, 2000.0, 1e6])
def test_budget_is_a_line_within_every_panel(budget_ms: float) -> None:
    root = ElementTree.fromstring(timeline([PANEL, PANEL], "title", budget_ms))  # noqa: S314  our own text
    lines = [path for path in root.iter(f"{SVG}path") if path.get("class") == "budget"]
    assert len(lines) == 2
    assert 46 <= float(lines[0].attrib["d"].removeprefix("M84 ").partition("H")[0]) <= 166
    assert texts(root).count(f"budget {budget_ms:,.6g} ms") == 2


def test_axes_have_titles_and_no_budget_no_line() -> None:
    root = drawn(PANEL)
    assert {"time since the start", "latency of a write"} <= set(texts(root))
    assert not [path for path in root.iter(f"{SVG}path") if path.get("class") == "budget"]


@pytest.mark.parametrize("colour", [*BANDS, QUIET, HELD, BUDGET, WORDS])
def test_colour_has_contrast_on_white(colour: str) -> None:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    shares = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5
