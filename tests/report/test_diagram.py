"""The picture of the machines: every state and step of the tables once, nothing on top of another, all inside."""

import xml.etree.ElementTree as ElementTree
from itertools import combinations
from typing import Any

import pytest

from harness.report.contents import Machine, Move
from harness.report.diagram import LETTER, diagram
from tests.report.sample import HOSTILE, whole_report


def machines() -> tuple[Machine, ...]:
    orders = whole_report().sections.orders
    assert orders is not None
    return orders.machines


def drawn(*given: Machine) -> ElementTree.Element:
    return ElementTree.fromstring(diagram(given, "machines"))  # noqa: S314 - our own text


def texts(root: ElementTree.Element, kind: str) -> list[str]:
    return [text.text or "" for text in root.iter("text") if (text.get("class") or "").split()[0] == kind]


def test_diagram_has_every_state_and_every_step_of_the_tables() -> None:
    given = machines()
    root = drawn(*given)
    assert texts(root, "name") == [machine.name for machine in given]
    assert texts(root, "state") == [state for machine in given for state in machine.states]
    assert texts(root, "arc") == [move.step for machine in given for move in machine.moves]
    dashed = [path for path in root.iter("path") if path.get("class") == "arc back"]
    assert len(dashed) == sum(move.roll_back for machine in given for move in machine.moves)


def test_labels_of_a_machine_do_not_meet() -> None:
    for machine in machines():
        places: list[tuple[float, float, float]] = []
        for text in drawn(machine).iter("text"):
            if (text.get("class") or "").startswith("arc"):
                half = len(text.text or "") * LETTER / 2
                places.append(
                    (float(text.get("x", 0)) - half, float(text.get("x", 0)) + half, float(text.get("y", 0)))
                )
        for one, other in combinations(places, 2):
            assert abs(one[2] - other[2]) >= 12 or one[1] <= other[0] or other[1] <= one[0]


def test_diagram_lies_within_its_view() -> None:
    root = drawn(*machines())
    width, height = (float(root.get(name, 0)) for name in ("width", "height"))
    for group in root.iter("g"):
        left, top = (float(number) for number in (group.get("transform") or "")[10:-1].split())
        for box in group.iter("rect"):
            assert left + float(box.get("x", 0)) + float(box.get("width", 0)) <= width
        for text in group.iter("text"):
            assert top + float(text.get("y", 0)) <= height


@pytest.mark.parametrize("value", [HOSTILE, '"><script>', "&"])
def test_diagram_is_well_formed_whatever_the_names_are(value: str) -> None:
    root = drawn(Machine(value, (value, "b"), (Move(value, value, "b", roll_back=False),)))
    assert {element.tag for element in root.iter()} <= {
        "svg", "defs", "marker", "g", "path", "rect", "text", "circle",
    }  # fmt: skip


@pytest.mark.parametrize("given", [(), (Machine("m", ("a",), (Move("a", "go", "b", roll_back=False),)),)])
def test_diagram_without_a_machine_or_a_moves_end_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=r"no machine|not in tuple"):
        diagram(given, "machines")
