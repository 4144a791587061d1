"""What the gate tolerates, a rule a test: what may happen to a right backend refutes nothing."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from harness import plan
from harness.checks.gate import TargetJudge
from harness.clients.exchange import Outcome, Reply
from harness.clients.request_bytes import HEAD_BYTES_SURE
from harness.clients.request_spec import plan_spec
from harness.clients.shape import PLAIN
from harness.probing.controls import Suspect
from harness.probing.judge import expect_of_stranger, is_address_id
from harness.probing.probe_factory import ProbeFactory, plan_caller
from harness.rule.cases import HeaderCase, Kind, fixed_cases
from harness.rule.policy import LENGTH_ONLY, STRICT
from harness.rule.suite import Level, suite
from harness.run import gate_confirm, gate_run
from harness.run.gate_claims import claims_of
from harness.run.gate_suite import at_once, drawn, first, further, last, preflight, suite_alone
from harness.run.gate_values import Values, fits
from harness.run.probe_session import ProbeSession
from harness.sut.external import SILENT_MAX
from harness.sut.observation import Exchange, ProbeGroup, Row
from harness.verdict import Results, Status, Verdict
from tests.fix_gate import Judge, of_reference, requests_of, with_status
from tests.fix_stack import StartReplica
from tests.run.test_gate_network import between
from tests.sut.test_external import OK, ended, sending, serving


@pytest.fixture
def factory() -> ProbeFactory:
    return ProbeFactory(plan_caller("some:free", STRICT, "after"), run=1)


@pytest.fixture
def results() -> Results:
    return Results(tuple(replace(claim, least=1) for claim in claims_of("after")))


def values_of(factory: ProbeFactory, *lines: bytes) -> tuple[str | None, ...]:
    header = tuple((plan.HEADER.encode(), line) for line in lines)
    probe = factory.probe(HeaderCase(header, Kind.DUPLICATE))
    policy = factory.caller.policy
    return expect_of_stranger(probe, "after", policy, address=probe.address, signed_in_user=None).values


def status_of(results: Results, claim: str) -> Status:
    return next(one.status for one in results.judgements() if one.claim.id == claim)


@pytest.mark.parametrize("closes", [SILENT_MAX + 4, 0])
async def test_what_http_refuses_is_not_taken_for_silence(factory: ProbeFactory, closes: int) -> None:
    refused = HeaderCase(((plan.HEADER.encode(), b"a\x00b"),), Kind.CONTROL)
    probes = [factory.probe(refused) if closes else factory.control() for _ in range(SILENT_MAX + 4)]
    async with serving(lambda number: None if number <= SILENT_MAX + 4 else OK) as (port, _):
        one = sending(port)
        groups = [ProbeGroup((probe,)) for probe in [*probes, *(factory.control() for _ in range(8))]]
        await ended(one.send(groups))
    assert (one.stopped is None) is bool(closes)


@pytest.mark.parametrize(
    ("user", "address", "same"),
    [
        ("anon:2001:DB8:0:0:0:0:0:1", "2001:db8::1", True),
        ("anon:2001:db8::1%eth0", "2001:db8::1", True),
        ("anon:2001:db8::1", "2001:db8::2", False),
        ("anon:192.0.2.1", "192.0.2.1", True),
        ("anon:nobody", "192.0.2.1", False),
        ("192.0.2.1", "192.0.2.1", False),
    ],
)
def test_an_address_in_another_notation_is_the_same(user: str, address: str, same: bool) -> None:
    assert is_address_id(user, address, plan_spec().identities) is same


@pytest.mark.parametrize(
    ("stored", "right"),
    [
        (None, True),
        ("a", False),
        ("b", False),
        ("a,b", False),
    ],
)
def test_several_lines_joined_store_null_under_this_rule(
    factory: ProbeFactory, stored: str | None, right: bool
) -> None:
    assert (stored in values_of(factory, b"a", b"b")) is right


def test_several_lines_joined_are_stored_where_commas_are() -> None:
    factory = ProbeFactory(plan_caller("some:free", LENGTH_ONLY, "after"), run=1)
    assert set(values_of(factory, b"a", b"b")) == {"a, b", "a,b"}


@pytest.mark.parametrize(("value", "right"), [(None, True), ("ab", True), ("a b", False), ("", False)])
def test_a_malformed_header_that_an_edge_mends_may_be_stored(
    factory: ProbeFactory, results: Results, value: str | None, right: bool
) -> None:
    probe = factory.probe(HeaderCase(((plan.HEADER.encode(), b"a\x00b"),), Kind.CONTROL))
    row = Row("1", plan.ANONYMOUS_PREFIX + probe.address, "1", "gen-1", value)
    judge = TargetJudge(results, STRICT, "http://127.0.0.1:1", "after", "some:free")
    judge.judge(Exchange(probe, Reply(Outcome.REPLY, 200, (), b""), 0.0), [row])
    assert (status_of(results, "V10") is Status.REFUTED) is not right


def test_only_heads_that_every_server_takes_are_sent(factory: ProbeFactory) -> None:
    assert not fits(factory.caller.case(b"a" * HEAD_BYTES_SURE, Kind.BLOCK))
    assert any(not fits(case) for case in fixed_cases())
    values = Values(factory.caller)
    suites = (preflight(factory), first(factory, values), last(factory, values))
    level = Level.STANDARD
    more = (
        further(factory, values, level),
        at_once(factory, level),
        suite_alone(factory, suite(factory.caller.policy, level), level),
        drawn(factory, values, level, 0),
    )
    probe_groups = [each for some in (*suites, *more) for each in some]
    heads = [
        sum(len(name) + len(value) + 4 for name, value in probe.request.headers)
        for each in probe_groups
        for probe in each.probes
    ]
    assert max(heads) <= HEAD_BYTES_SURE


async def test_a_few_failures_are_sent_again(start: StartReplica, ready_dsn: str, run_gate: Judge) -> None:
    process = await start(ready_dsn, "after")
    count = 0

    def lose(number: int, sent: bytes) -> bytes | None:
        nonlocal count
        has_header = b"x-posthog-distinct-id:" in sent
        count += has_header
        return None if number == 20 or (has_header and count in (40, 90, 140, 190)) else sent

    async with between(process, lose) as url:
        report = await run_gate(replace(of_reference(process, ready_dsn), backend_url=url))
    assert report.verdict is Verdict.GO
    assert requests_of(report).sent > 300


async def test_more_failures_than_one_in_ten_are_not_sent_again(
    start: StartReplica, ready_dsn: str, run_gate: Judge
) -> None:
    process = await start(ready_dsn, "after")
    async with between(process, lambda number, sent: None if number % 5 == 0 else sent) as url:
        options = replace(of_reference(process, ready_dsn), backend_url=url)
        report = await run_gate(options, max_requests=160)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert with_status(report, Status.REFUTED) == set()


async def test_rows_with_another_id_than_the_reply_are_not_matched(
    start: StartReplica, ready_dsn: str, run_gate: Judge
) -> None:
    with psycopg.connect(ready_dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION renamed() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN NEW.message_id := 'own-' || NEW.message_id; RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER renamed BEFORE INSERT ON microdollar_usage_metadata FOR EACH ROW EXECUTE FUNCTION renamed()"
        )
    report = await run_gate(of_reference(await start(ready_dsn, "after"), ready_dsn))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert any("another id than the replies" in remark for remark in report.remarks)


async def test_missing_rows_are_unknown_where_no_later_row_comes(
    start: StartReplica, ready_dsn: str, run_gate: Judge
) -> None:
    with psycopg.connect(ready_dsn, autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE seen")
        connection.execute(
            "CREATE FUNCTION full_now() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RETURN CASE WHEN nextval('seen') < 250 THEN NEW END; END $$"
        )
        connection.execute(
            "CREATE TRIGGER full_now BEFORE INSERT ON microdollar_usage FOR EACH ROW EXECUTE FUNCTION full_now()"
        )
    report = await run_gate(of_reference(await start(ready_dsn, "after"), ready_dsn), wait_rows_s=1.0)
    assert "R1" in with_status(report, Status.UNKNOWN)
    (rows,) = (one for one in report.judgements if one.claim.id == "R1")
    assert "no later one was there to tell" in rows.detail


def test_an_id_that_two_replies_have_tells_nothing_of_either(factory: ProbeFactory, results: Results) -> None:
    judge = TargetJudge(results, STRICT, "http://127.0.0.1:1", "after", "some:free")
    body = b'{"id": "gen-1", "object": "chat.completion"}'
    for probe in (factory.control(), factory.control()):
        exchange = Exchange(
            probe, Reply(Outcome.REPLY, 200, ((b"content-type", b"application/json"),), body), 0.0
        )
        judge.record.enter(exchange)
    assert judge.record.repeated == {"gen-1"}
    judge.match(exchange, ())
    assert not judge.record.missing


async def test_beyond_so_many_suspects_the_rest_is_unknown(
    factory: ProbeFactory, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    exchange = Exchange(factory.control(), Reply(Outcome.REPLY, 200, (), b"{}"), 0.0)

    async def note(_session: ProbeSession, _asker: ProbeFactory, _seed: int, trial: Any) -> None:
        tried.append(trial.suspect.feature)

    features = [f"header {number}" for number in range(gate_confirm.SUSPECTED_MAX + 2)]
    session: Any = SimpleNamespace(
        sending=SimpleNamespace(stopped=None, left=1000),
        judge=SimpleNamespace(
            results=results,
            reply_claim="V4",
            column_claim="R3",
            columns=SimpleNamespace(suspected=list),
            replies=SimpleNamespace(
                unsteady=lambda: None,
                suspected=lambda: [Suspect(PLAIN, name, "a", "b", exchange, 1) for name in features],
            ),
        ),
    )
    monkeypatch.setattr(gate_confirm, "_try", note)
    await gate_confirm.confirm_suspected(session, factory, 0)
    assert tried == features[: gate_confirm.SUSPECTED_MAX]
    assert status_of(results, "V4") is Status.UNKNOWN
    (replies,) = (one for one in results.judgements() if one.claim.id == "V4")
    assert "not tried again: header 8, header 9" in replies.detail


async def test_when_most_rows_are_missing_the_rest_is_not_sent(
    start: StartReplica, ready_dsn: str, run_gate: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_run, "BATCH", 100)
    monkeypatch.setattr(gate_run, "MISSING_MAX", 50)
    process = await start(ready_dsn, "after")

    def lose(number: int, sent: bytes) -> bytes:
        if number == 60:
            with psycopg.connect(ready_dsn, autocommit=True) as connection:
                connection.execute("ALTER TABLE microdollar_usage ADD CHECK (false) NOT VALID")
        return sent

    async with between(process, lose) as url:
        options = replace(of_reference(process, ready_dsn), backend_url=url)
        report = await run_gate(options, wait_rows_s=1.0)
    assert report.verdict is not Verdict.GO
    assert requests_of(report).sent < 320  # batches of 100: one judged, one waited for, one that has left
    assert any("have no row: the rest was not sent" in remark for remark in report.remarks)


async def test_without_observations_of_most_the_rest_is_not_sent(
    start: StartReplica, ready_dsn: str, run_gate: Judge
) -> None:
    process = await start(ready_dsn, "after")

    def refuse(number: int, sent: bytes) -> bytes:
        return sent if number < 60 else sent.replace(b"/chat/completions", b"/chat/nothing", 1)

    async with between(process, refuse) as url:
        options = replace(of_reference(process, ready_dsn), backend_url=url)
        report = await run_gate(options)
    assert report.verdict is not Verdict.GO
    assert requests_of(report).sent < 270
