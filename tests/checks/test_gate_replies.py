"""Replies that vary by themselves say nothing; what differs with the header only is suspected, and tried again."""

import json
from collections.abc import Mapping

import pytest

from harness.checks.gate_replies import BODY, SHAPE, STATUS, Outcomes, ReplyLedger, is_rare, shape
from harness.clients.exchange import Outcome, Reply
from harness.clients.extension import Auth, plan_header
from harness.headers.cases import HeaderCase, Kind
from harness.headers.policy import STRICT
from harness.run.gate_suite import Asker, Caller
from harness.target.asks import Answer

VALID = HeaderCase(plan_header("abc"), Kind.VALID)
LONG = HeaderCase(plan_header("a" * 99), Kind.BYTES)


@pytest.fixture
def asker() -> Asker:
    return Asker(Caller("some:free", STRICT, "after"), run=1)


def reply(status: int = 200, body: object = None, **headers: str) -> Reply:
    lines = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    document = {"id": "x", "text": "hello"} if body is None else body
    return Reply(Outcome.REPLY, status, lines, json.dumps(document).encode())


def seen(asker: Asker, with_header: Mapping[str, object] | None, one: Reply) -> Answer:
    """An answer to a control (None) or to a request with the header."""
    ask = asker.control(Auth.ANONYMOUS, False) if with_header is None else asker.probe(VALID)
    return Answer(ask, one, 0.0)


def ledger(
    asker: Asker, controls: list[Reply], probes: list[Reply], *, whole_body: bool = False
) -> ReplyLedger:
    made = ReplyLedger()
    made.whole_body = whole_body
    for one in controls:
        made.enter(Answer(asker.control(Auth.ANONYMOUS, False), one, 0.0))
    for one in probes:
        made.enter(Answer(asker.probe(VALID), one, 0.0))
    return made


def suspected(made: ReplyLedger) -> list[str]:
    return [suspect.feature for suspect in made.suspects()]


def test_nothing_is_suspected_when_all_replies_are_alike(asker: Asker) -> None:
    assert suspected(ledger(asker, [reply()] * 3, [reply()] * 3)) == []


@pytest.mark.parametrize(
    ("strange", "feature"),
    [
        (reply(400), STATUS),
        (reply(x_echo="abc"), "header x-echo"),
        (reply(body={"id": "x", "text": "hello", "linked": True}), SHAPE),
        (Reply(Outcome.TIMEOUT, 0), STATUS),
        (Reply(Outcome.REFUSED, 0), STATUS),
    ],
)
def test_what_only_replies_with_the_header_have_is_suspected(
    asker: Asker, strange: Reply, feature: str
) -> None:
    assert suspected(ledger(asker, [reply()] * 3, [strange])) == [feature]


def test_a_header_that_is_missing_with_the_header_is_suspected(asker: Asker) -> None:
    usual = reply(content_type="application/json")
    assert suspected(ledger(asker, [usual] * 2, [reply()])) == ["header content-type"]


def test_a_header_that_counts_down_is_volatile_whatever_its_name(asker: Asker) -> None:
    controls = [reply(x_left="9"), reply(x_left="7")]
    assert suspected(ledger(asker, controls, [reply(x_left="8"), reply()])) == []


def test_a_header_that_only_some_controls_have_is_volatile(asker: Asker) -> None:
    assert suspected(ledger(asker, [reply(), reply(x_cache="hit")], [reply(x_cache="stale")])) == []


def test_a_body_that_differs_is_suspected_only_where_whole_bodies_are_compared(asker: Asker) -> None:
    other = reply(body={"id": "y", "text": "good day"})
    assert suspected(ledger(asker, [reply()] * 2, [other])) == []
    assert suspected(ledger(asker, [reply()] * 2, [other], whole_body=True)) == [BODY]


def test_a_text_that_varies_by_itself_is_volatile_even_from_our_own_upstream(asker: Asker) -> None:
    controls = [reply(), reply(body={"id": "y", "text": "good day"})]
    assert suspected(ledger(asker, controls, [reply(body={"id": "z", "text": "hi"})], whole_body=True)) == []


def test_a_status_that_controls_have_too_now_and_then_is_no_observation(asker: Asker) -> None:
    made = ledger(asker, [reply()] * 99 + [reply(502)], [])
    assert made.enter(Answer(asker.probe(VALID), reply(502), 0.0)) is False
    assert made.enter(Answer(asker.probe(VALID), reply(), 0.0)) is True
    assert suspected(made) == []
    assert made.unsteady() is None


def test_a_target_whose_controls_fare_differently_is_not_steady(asker: Asker) -> None:
    made = ledger(asker, [reply(), reply(502)] * 5, [reply(502)] * 5)
    assert suspected(made) == []
    assert made.unsteady() is not None


def test_nothing_is_compared_before_a_control_was_served(asker: Asker) -> None:
    made = ReplyLedger()
    assert made.enter(Answer(asker.probe(VALID), reply(), 0.0)) is False


def test_one_control_is_too_few_to_know_what_varies_by_itself(asker: Asker) -> None:
    made = ledger(asker, [reply(x_ray="1")], [reply(x_ray="2")])
    assert suspected(made) == []
    assert made.unsteady() is not None


def test_of_many_strange_replies_the_lightest_request_is_the_example(asker: Asker) -> None:
    made = ledger(asker, [reply()] * 2, [])
    for case in (LONG, VALID, LONG):
        made.enter(Answer(asker.probe(case), reply(400), 0.0))
    (suspect,) = made.suspects()
    assert suspect.example.ask.header == VALID.lines
    assert suspect.count == 3
    assert (suspect.usual, suspect.strange) == ("200", "400")


@pytest.mark.parametrize(
    ("probes", "controls", "expected"),
    [
        ([400] * 4, [200] * 4, Outcomes.EACH_TIME),
        ([400, 200, 400, 400], [200] * 4, Outcomes.SOMETIMES),
        ([200] * 4, [200] * 4, Outcomes.NEVER),
        ([400] * 4, [200, 200, 400, 200], Outcomes.VARIES),
        ([400] * 3, [200] * 4, Outcomes.UNCLEAR),
        ([400, 400, 400, 429], [200] * 4, Outcomes.UNCLEAR),
    ],
)
def test_repetitions_decide(asker: Asker, probes: list[int], controls: list[int], expected: Outcomes) -> None:
    made = ledger(asker, [reply()] * 9, [reply(400)])
    (suspect,) = made.suspects()
    again = [seen(asker, {}, reply(status)) for status in probes]
    again += [seen(asker, None, reply(status)) for status in controls]
    for answer in again:
        made.enter(answer)
    assert made.outcome(suspect, again, 4) is expected


def test_shapes_ignore_numbers_of_elements_kinds_of_numbers_and_null() -> None:
    one = {"a": [{"b": 1, "c": None}], "d": "x"}
    other = {"d": "yy", "a": [{"b": 1.5, "c": None}, {"b": 2, "c": None}]}
    assert shape([one]) == shape([other]) == shape([one, other])
    assert shape([one]) != shape([{**one, "e": True}])


@pytest.mark.parametrize(
    ("count", "total", "rare"), [(0, 0, True), (1, 3, True), (2, 3, False), (2, 100, True)]
)
def test_an_accident_is_one_or_one_in_fifty(count: int, total: int, rare: bool) -> None:
    assert is_rare(count, total) is rare
