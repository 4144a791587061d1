"""The picture of write latency: well-formed, to scale, and safe whatever the labels hold."""

import xml.etree.ElementTree as ElementTree

import pytest

from harness.report.timeline import HELD, QUIET, Band, Panel, timeline

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


def test_timeline_draws_every_write_and_marks_those_within_a_statement() -> None:
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
