"""What builds make of requests, decided without I/O, is what each fault of the catalogue says of itself."""

import json
from collections.abc import Sequence
from itertools import cycle

import pytest

from harness import plan
from harness.backend.admission import Refusal
from harness.backend.builds import AFTER, BEFORE, Build
from harness.backend.decision import BODY, EVENTS, Decision, play
from harness.backend.defects import CATALOGUE, DEFECTS, DEFECTS_BY_KIND, VARIANTS, find_build
from harness.clients.exchange import Request
from harness.rule.policy import FIELD_BYTES, POLICIES, STRICT, Policy
from tests.backend.asks import EMAIL, GATEWAY, ID, JUNK, Ask, apart, ask
from tests.backend.shown_by import ALWAYS, TELLING

CLAIMS = ["V1", "V2", "V3", "V4", "V5", "V8", "V9", "C1", "C2", "I1", "I2", "R1", "R3"]
LATER = [defect.build.name for kind, some in DEFECTS_BY_KIND.items() if kind != "first" for defect in some]


def decided(build: str, *asks: Ask) -> list[Decision]:
    return play(find_build(build), STRICT, *apart(list(asks)))


def shows(build: Build, asks: Sequence[Ask]) -> bool:
    """Whether the build makes anything else of the requests than the reference does."""
    return play(build, STRICT, *apart(list(asks))) != play(AFTER, STRICT, *apart(list(asks)))


def test_reference_decides_user_value_and_count() -> None:
    first, second, third, fourth = decided(
        "after", ask(), ask("a b"), ask(email=EMAIL), ask(None, path=GATEWAY)
    )
    assert (first.user_id, first.value, first.times) == ("anon:192.0.2.7", ID, 1)
    assert (second.value, third.value, fourth.value) == (None, EMAIL, None)
    assert third.user_id == EMAIL
    assert all(
        (d.refusal, d.changes, d.follows, d.headers, d.events) == (None, {}, (), (), ())
        for d in decided("after", ask(), ask(stream=True))
    )


def test_builds_that_do_not_write_the_column_store_nothing() -> None:
    assert [decided(build, ask())[0].value for build in ("before", "insert-unchanged")] == [None, None]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (ask(path="/api/openrouter/models")[0], 400),
        (ask(path="/elsewhere")[0], 404),
        (Request(plan.ROUTES[0], (), b"{"), 400),
        (Request(plan.ROUTES[0], (), b"[]"), 404),
        (Request(plan.ROUTES[0], (), b"", "GET"), 405),
        (ask(address=",")[0], 400),
        (ask(model="vendor/costly")[0], 401),
        (ask(max_tokens=10**12)[0], 503),
        (ask("a\x00")[0], 400),
        (ask(headers=(("a b", ""),))[0], 400),
        (ask("a" * 20_000)[0], 431),
        (ask(headers=(("x", ""),) * 1001)[0], 431),
    ],
)
def test_refusals_are_those_of_the_route_and_of_node(request_: Request, status: int) -> None:
    (decision,) = play(AFTER, STRICT, [request_], [None])
    assert isinstance(decision.refusal, Refusal)
    assert (decision.refusal.status, decision.times) == (status, 0)


def test_header_is_read_as_node_reads_it() -> None:
    request, _ = ask(None)
    for lines, value in [
        (((b"X-PostHog-Distinct-ID", b" \ta\t "),), "a"),
        (((b"x-posthog-distinct-id", b"a"), (b"x-posthog-distinct-id", b"")), None),
        (((b"x-posthog-distinct-id", b"\xe9"),), None),
    ]:
        sent = Request(request.path + "?x=1", (*request.headers, *lines), request.body)
        assert play(AFTER, STRICT, [sent], [None])[0].value == value


def test_policy_is_the_one_that_is_given() -> None:
    requests, emails = apart([ask("a b")])
    assert play(AFTER, POLICIES["length-only"], requests, emails)[0].value == "a b"


def test_play_begins_with_a_fresh_memory_each_time() -> None:
    assert [decided("remembers", ask(), ask(None))[1].value for _ in range(2)] == [ID, ID]
    assert decided("remembers", ask(None))[0].value is None
    with pytest.raises(ValueError, match="zip"):
        play(AFTER, STRICT, [ask()[0]], [])


@pytest.mark.parametrize("name", LATER)
def test_each_fault_shows_in_the_request_that_is_named(name: str) -> None:
    asks = TELLING[name]
    assert shows(find_build(name), asks)
    if len(asks) > 1:  # what went before does not tell
        assert not shows(find_build(name), asks[:-1])


def test_a_plain_request_tells_only_faults_of_that_nature() -> None:
    telling = {name for name in LATER if shows(find_build(name), [ask()])}
    assert telling == ALWAYS


def test_every_first_fault_shows_somewhere() -> None:
    asks = [ask for asks in TELLING.values() for ask in asks]
    asks += [
        ask("a" * 255),
        ask("a" * 300),
        ask("9"),
        ask("a[b"),
        ask(".a"),
        ask("a%41"),
        ask("", email=EMAIL),
        ask(None, email=EMAIL),
    ]
    request, _ = ask(None)
    for name in (plan.HEADER.encode(), plan.HEADER.upper().encode()):
        asks.append((Request(request.path, (*request.headers, (name, ID.encode())), request.body), None))
    twice = ((plan.HEADER.encode(), b"a"), (plan.HEADER.encode(), b"b"))
    asks.append((Request(request.path, (*request.headers, *twice), request.body), None))
    silent = [defect.build.name for defect in DEFECTS_BY_KIND["first"] if not shows(defect.build, asks)]
    assert silent == ["mixes-up"]  # shows in requests that are open at once only


@pytest.mark.parametrize("build", VARIANTS, ids=lambda build: build.name)
def test_harmless_variants_store_what_the_reference_stores(build: Build) -> None:
    asks = [
        ask(),
        ask("a b"),
        ask(None),
        ask(email=EMAIL),
        ask(path=GATEWAY, stream=True),
        ask(headers=(JUNK,)),
    ]
    got, right = decided(build.name, *asks), decided("after", *asks)
    assert [(d.refusal, d.user_id, d.value, d.times, d.changes) for d in got] == [
        (d.refusal, d.user_id, d.value, d.times, d.changes) for d in right
    ]


def test_the_catalogue_has_unique_names_and_known_claims() -> None:
    assert len(CATALOGUE) == len(DEFECTS) + len(VARIANTS) + 4
    assert {defect.claim for defect in DEFECTS} == set(CLAIMS)
    assert all(len(some) >= 3 for some in DEFECTS_BY_KIND.values())
    assert set(TELLING) == set(LATER)
    assert BEFORE.name not in TELLING


def test_altered_events_are_shown_as_the_client_gets_them() -> None:
    (decision,) = decided("done-missing", ask(stream=True))
    assert b"".join(decision.events) == b"".join(EVENTS[:-1])
    (decision,) = decided("usage-dropped", ask())
    assert json.loads(BODY[0]).keys() - json.loads(decision.events[0]).keys() == {"usage"}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_every_build_decides_whatever_is_sent(policy: Policy) -> None:
    values = [
        bytes([byte]) * length for byte, length in zip(FIELD_BYTES, cycle((1, 4, 64, 256)), strict=False)
    ]
    asks = [ask(value.decode("latin-1"), stream=len(value) == 4) for value in values]
    for build in CATALOGUE.values():
        decisions = play(build, policy, *apart(asks))
        assert len(decisions) == len(asks)
