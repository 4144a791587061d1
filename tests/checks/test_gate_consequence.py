"""A NO-GO says first what it means: the gravest of what was refuted, or which build this looks like."""

import pytest

from harness import plan
from harness.checks.gate_consequence import Seen, consequence
from harness.verdict import Claim, Finding, Results

ALL = (*plan.GATE_AFTER, "C1")
RIGHT = Seen(has_column=True, served=300, rows=300, valued=100)


def told(*refuted: str, build: str = "after", seen: Seen | None = RIGHT) -> str:
    results = Results(tuple(Claim(claim, "", "", "") for claim in ALL))
    for claim in refuted:
        results.refute(Finding(claim, "", f"{claim} was seen"))
    return consequence(results.judgements(), build, seen)


@pytest.mark.parametrize("claim", ALL)
def test_every_claim_of_the_gate_has_a_consequence(claim: str) -> None:
    assert told(claim).endswith((".", "it."))
    assert told(claim, seen=None)


@pytest.mark.parametrize(
    ("refuted", "build", "seen", "begin"),
    [
        ((), "after", RIGHT, ""),
        (
            ("M3", "M4"),
            "after",
            Seen(False, 28, 0, 0),
            "Every request loses its usage row behind a 200: 28 were",
        ),
        (("M3",), "after", Seen(True, 28, 0, 0), "Every request loses its usage row behind a 200: 28 were"),
        (("M3", "M4"), "after", Seen(False, 0, 0, 0), "The database refuses or changes"),
        (("M3", "M4"), "after", None, "The database refuses or changes"),
        (("M4",), "after", Seen(True, 28, 0, 0), "Nothing is lost, but"),
        (
            ("V1", "I1", "V2"),
            "after",
            Seen(True, 300, 300, 0),
            "This looks like the build before the change, or",
        ),
        (
            ("V1", "M3", "M4"),
            "after",
            Seen(False, 300, 300, 0),
            "This looks like the build before the change, on",
        ),
        (("V1", "I1"), "after", RIGHT, "Usage is accounted to somebody else"),
        (("V1", "V2"), "after", RIGHT, "Valid values are not stored"),
        (("V1", "V8", "V9"), "after", RIGHT, "Valid values are not stored"),
        (("V8",), "after", RIGHT, "The header is not told by its name"),
        (("V9",), "after", RIGHT, "Rows hold values that their request did not send"),
        (("V2",), "after", RIGHT, "The longest length is not the rule's"),
        (("V3", "D1", "M4"), "after", RIGHT, "The column holds values that the rule does not accept"),
        (("V4", "V3"), "after", RIGHT, "A client that sends the header gets another reply"),
        (("V3", "R1", "C2"), "after", RIGHT, "Usage rows are lost"),
        (("C2", "V1"), "after", RIGHT, "Clients that do not know of the header"),
        (("C1",), "before", RIGHT, "This looks like the build with the change"),
        (("C1",), "before", Seen(True, 300, 300, 0), "The backend minds the header already"),
        (("R1",), "before", Seen(False, 300, 290, 0), "Usage rows are lost"),
    ],
)
def test_the_gravest_is_told(refuted: tuple[str, ...], build: str, seen: Seen | None, begin: str) -> None:
    assert told(*refuted, build=build, seen=seen).startswith(begin)
    assert bool(told(*refuted, build=build, seen=seen)) is bool(begin)
