"""What varies by itself says nothing; what differs with the header only is suspected, and tried again."""

from collections.abc import Sequence

import pytest

from harness.clients.shape import PLAIN
from harness.probing.controls import Controls, Repeated, is_rare, repeated
from harness.probing.features import HELD_IN, STATUS, holding

OTHER = PLAIN._replace(stream=True)


def reply(status: int = 200, **features: str) -> dict[str, str]:
    return {STATUS: str(status), **features}


def entered(
    controls: Sequence[dict[str, str]], probes: Sequence[dict[str, str]], weight: int = 1
) -> Controls[str]:
    made: Controls[str] = Controls()
    for features in controls:
        made.enter_control(PLAIN, features)
    for number, features in enumerate(probes):
        made.enter_probe(PLAIN, features, weight, f"probe {number}")
    return made


def suspected(made: Controls[str]) -> list[str]:
    return [suspect.feature for suspect in made.suspected()]


def test_nothing_is_suspected_when_all_replies_are_alike() -> None:
    made = entered([reply(a="1")] * 3, [reply(a="1")] * 3)
    assert suspected(made) == []
    assert made.compared == 3


@pytest.mark.parametrize(
    ("strange", "feature"),
    [(reply(400), STATUS), (reply(a="1", echo="x"), "echo"), (reply(), "a"), (reply(a="2"), "a")],
)
def test_what_only_requests_with_the_header_have_is_suspected(strange: dict[str, str], feature: str) -> None:
    assert suspected(entered([reply(a="1")] * 2, [strange])) == [feature]


def test_what_varies_among_controls_is_volatile_for_all_shapes() -> None:
    made = entered([reply(left="9"), reply(left="8")], [])
    made.enter_control(OTHER, reply(left="7"))
    made.enter_probe(OTHER, reply(left="6"), 1, "streamed")
    assert suspected(made) == []


@pytest.mark.parametrize(
    ("controls", "told"),
    [
        ([reply(trace="1"), reply(trace="2")], [f"{HELD_IN}trace"]),
        ([reply(trace="1"), reply(trace="1")], ["trace"]),
        ([reply(), reply()], ["trace"]),
    ],
    ids=["varies", "steady", "absent"],
)
def test_what_holds_the_headers_value_is_suspected_once(
    controls: list[dict[str, str]], told: list[str]
) -> None:
    held = holding(reply(trace="a-value-of-its-own.3"), "a-value-of-its-own")
    assert suspected(entered(controls, [held])) == told
    assert suspected(entered(controls[:1] * 2, [holding(controls[0], "a-value-of-its-own")])) == []


def test_what_differs_between_shapes_is_not_volatile() -> None:
    made = entered([reply(kind="json")] * 2, [])
    made.enter_control(OTHER, reply(kind="stream"))
    made.enter_probe(OTHER, reply(kind="json"), 1, "streamed")
    (suspect,) = made.suspected()
    assert (suspect.shape, suspect.usual, suspect.strange) == (OTHER, "stream", "json")


def test_a_request_waits_until_a_control_of_its_shape_has_come() -> None:
    made = entered([], [reply(a="2")])
    assert (made.waiting, made.compared) == (1, 0)
    made.enter_control(PLAIN, reply(a="1"))
    made.enter_control(PLAIN, reply(a="1"))
    assert (made.waiting, made.compared, suspected(made)) == (0, 1, ["a"])


def test_one_control_is_too_few_to_know_what_varies_by_itself() -> None:
    assert suspected(entered([reply(ray="1")], [reply(ray="2")])) == []


def test_a_status_that_controls_have_too_is_no_observation() -> None:
    made = entered([reply()] * 99 + [reply(502)], [])
    assert made.enter_probe(PLAIN, reply(502), 1, "unlucky") is False
    assert made.enter_probe(PLAIN, reply(), 1, "lucky") is True
    assert (suspected(made), made.unsteady()) == ([], None)


def test_a_target_whose_controls_fare_differently_is_not_steady() -> None:
    made = entered([reply(), reply(502)] * 5, [reply(502)] * 5)
    assert suspected(made) == []
    assert made.unsteady() == "replies to requests without the header: 200 to 5, 502 to 5"


def test_controls_that_are_always_refused_are_the_suspects() -> None:
    made = entered([reply(400)] * 3, [reply()])
    made.enter_control(OTHER, reply())
    made.enter_control(OTHER, reply())
    (suspect,) = made.suspected()
    assert (suspect.usual, suspect.strange) == ("400", "200")
    assert made.refused == {}
    assert made.served == [OTHER]


def test_a_shape_that_nobody_is_served_in_is_refused() -> None:
    made = entered([reply(400)] * 2, [reply(400)] * 3)
    assert suspected(made) == []
    assert made.refused == {PLAIN: "400"}


def test_of_strange_replies_the_lightest_request_is_shown() -> None:
    made = entered([reply()] * 2, [])
    for weight in (9, 3, 5):
        made.enter_probe(PLAIN, reply(400), weight, f"of weight {weight}")
    (suspect,) = made.suspected()
    assert (suspect.example, suspect.times) == ("of weight 3", 3)


def test_of_two_features_the_status_is_tried_first() -> None:
    made = entered([reply(a="1")] * 2, [reply(a="2")] * 5 + [reply(400)])
    assert suspected(made) == [STATUS, "a"]


def test_a_dismissed_feature_is_suspected_no_more() -> None:
    made = entered([reply(a="1")] * 2, [reply(a="2")])
    made.dismiss("a")
    assert suspected(made) == []


@pytest.mark.parametrize(
    ("probes", "controls", "expected"),
    [
        ([400] * 4, [200] * 4, Repeated.EACH_TIME),
        ([400, 200, 400, 400], [200] * 4, Repeated.SOMETIMES),
        ([400] * 6 + [200] * 20, [200] * 26, Repeated.OFTEN),
        ([200] * 4, [200] * 4, Repeated.NEVER),
        ([400] * 4, [200, 200, 400, 200], Repeated.VARIES),
        ([400] * 3, [200] * 4, Repeated.UNCLEAR),
    ],
)
def test_repetitions_decide(probes: list[int], controls: list[int], expected: Repeated) -> None:
    (suspect,) = entered([reply()] * 9, [reply(400)]).suspected()
    assert repeated(suspect, list(map(reply, probes)), list(map(reply, controls)), 4) is expected


@pytest.mark.parametrize(
    ("count", "total", "rare"), [(0, 0, True), (1, 3, True), (2, 3, False), (2, 100, True)]
)
def test_an_accident_is_one_or_one_in_fifty(count: int, total: int, rare: bool) -> None:
    assert is_rare(count, total) is rare


def test_a_probe_before_its_refused_control_is_compared_too() -> None:
    controls: Controls[str] = Controls()
    controls.enter_probe(PLAIN, {STATUS: "401"}, 1, "probe")
    controls.enter_control(PLAIN, {STATUS: "401"})
    assert (controls.waiting, controls.compared) == (0, 1)


def test_a_control_without_a_reply_is_no_yardstick() -> None:
    made = entered([reply(401)], [reply(401)])
    made.enter_control(PLAIN, {STATUS: "connection closed"})
    assert made.usual_status(PLAIN) == "401"
    early: Controls[str] = Controls()
    early.enter_control(PLAIN, {STATUS: "connection closed"})
    early.enter_control(PLAIN, reply(401))
    assert early.usual_status(PLAIN) == "401"
