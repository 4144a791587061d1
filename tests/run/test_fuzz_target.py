"""The fuzzer and the gate judge somebody's backend alike, and what the fuzzer wrote can be taken back."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UnavailableError
from harness.rollout import load_rollout
from harness.rule.cases import NAME, CaseSequence, HeaderCase, Kind
from harness.rule.suite import Level
from harness.run.clean import clean
from harness.run.fuzz import fuzz
from harness.run.fuzzed_backend import FuzzedBackend
from harness.run.options.fuzz import FuzzedOptions, FuzzOptions
from harness.run.options.gate import GateOptions
from harness.run.replay import replay
from harness.run.reproduction import Reproduction
from harness.sut.journal import read_journal
from harness.verdict import Status
from tests.fix_backends import independent
from tests.fix_gate import Judge, said, with_status
from tests.run.test_example import (
    ABSENT,
    INVALID,
    OTHER,
    REFUSED,
    VALID,
    Asked,
    Fault,
    backend,
    doubles_late,
    fails,
    fails_after_header,
    fails_on_underscores,
    late_by,
    loses_id_when_invalid,
    nothing,
)
from tests.run.test_gate_journal import counts

pytestmark = pytest.mark.usefixtures("own_journals")


def journals(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def options_of(url: str, dsn: str, model: str, tmp_path: Path, examples: int = 4) -> FuzzOptions:
    subject = FuzzedOptions(url, dsn, free_model=model)
    return FuzzOptions(subject, examples=examples, example_db=str(tmp_path / "examples"))


def url_of(small: FuzzedBackend) -> str:
    return "http://{}:{}".format(*small.endpoint.address)


def refuses_with_a_body(asked: Asked) -> None:
    if asked.status == 400:
        asked.document = {"error": "Invalid request", "message": "bad header"}


async def test_a_proxy_that_overwrites_addresses_is_judged_alike(
    empty_dsn: str,
    run_gate: Judge,
    tmp_path: Path,
    own_journals: Path,
) -> None:
    with independent("flask", empty_dsn, mode="overwrites-forwarded-for", late_ms=(0, 20)) as there:
        options = options_of(there.url, empty_dsn, there.free_model, tmp_path)
        found = await asyncio.to_thread(fuzz, options, said, said)
        assert found is None
        report = await run_gate(
            GateOptions(there.url, empty_dsn, there.free_model, level=Level.SMOKE),
            clean=True,
            max_requests=60,
        )
    assert not with_status(report, Status.REFUTED)
    (journal,) = journals(own_journals)
    assert read_journal(journal).ended
    assert clean(empty_dsn, journal, load_rollout()).rows[0][1] == len(read_journal(journal).ids) > 100
    assert counts(empty_dsn) == (0, 0)


async def test_a_400_with_a_body_is_judged_alike(
    ready_dsn: str, run_gate: Judge, tmp_path: Path, own_journals: Path
) -> None:
    before = counts(ready_dsn)
    async with backend(ready_dsn, refuses_with_a_body) as small:
        options = options_of(url_of(small), ready_dsn, small.caller.parameters["model"], tmp_path)
        assert await asyncio.to_thread(fuzz, options, said, said) is None
        gate_options = GateOptions(
            url_of(small), ready_dsn, small.caller.parameters["model"], level=Level.SMOKE
        )
        report = await run_gate(gate_options, clean=True)
    assert not with_status(report, Status.REFUTED)
    (journal,) = journals(own_journals)
    clean(ready_dsn, journal, load_rollout())
    assert counts(ready_dsn) == before


def stores_nothing(asked: Asked) -> None:
    asked.value = None


def stores_what_is_invalid(asked: Asked) -> None:
    asked.value = b",".join(asked.lines).decode("latin-1").replace("\0", "") or None


def sticks(asked: Asked) -> None:
    if asked.after_header and not asked.lines:
        asked.value = "abc"


def sticks_to_addresses() -> Fault:
    last: dict[str, str | None] = {}

    def fault(asked: Asked) -> None:
        if asked.lines:
            last[asked.user] = asked.value
        asked.value = last.get(asked.user)

    return fault


def refuses_what_is_invalid(asked: Asked) -> None:
    if asked.lines == [b"a.b"]:
        asked.status, asked.document, asked.row_delays_s = 422, {"error": "no such id"}, ()


def loses_row_when_valid(asked: Asked) -> None:
    if asked.lines == [b"abc"]:
        asked.row_delays_s = ()


def doubles(asked: Asked) -> None:
    if asked.lines == [b"abc"]:
        asked.row_delays_s = (0.0, 0.0)


def echoes(asked: Asked) -> None:
    if asked.lines == [b"abc"]:
        asked.document |= {"distinct_id": "abc"}


def closes_on_refused(asked: Asked) -> None:
    if asked.status == 400:
        asked.status = 431


@pytest.mark.parametrize(
    ("fault", "sequence", "claims"),
    [
        (nothing, (VALID, ABSENT), set()),
        (nothing, (INVALID,), set()),
        (nothing, (OTHER,), set()),
        (nothing, (REFUSED,), set()),
        (refuses_with_a_body, (REFUSED,), set()),
        (closes_on_refused, (REFUSED, VALID), set()),
        (late_by(1.5), (VALID,), set()),
        (stores_nothing, (VALID,), {"V1"}),
        (stores_what_is_invalid, (INVALID,), {"V3"}),
        (sticks, (VALID, ABSENT), {"V5", "C2"}),
        (sticks_to_addresses(), (ABSENT,), {"V5", "C2"}),
        (sticks_to_addresses(), (VALID, INVALID, ABSENT), set()),
        (sticks_to_addresses(), (INVALID, VALID, ABSENT), {"V5", "C2"}),
        (refuses_what_is_invalid, (INVALID,), {"V4"}),
        (loses_id_when_invalid, (INVALID,), {"V4"}),
        (fails_on_underscores, (OTHER,), {"V4"}),
        (fails_after_header, (VALID, INVALID, ABSENT), {"V4"}),
        (echoes, (VALID,), {"V4"}),
        (loses_row_when_valid, (VALID,), {"R1"}),
        (doubles, (VALID,), {"R1"}),
        (doubles_late, (VALID,), {"R1"}),
    ],
)
async def test_a_replay_is_judged_as_the_gate_judges(
    ready_dsn: str, own_journals: Path, fault: Fault, sequence: CaseSequence, claims: set[str]
) -> None:
    before = counts(ready_dsn)
    async with backend(ready_dsn, fault) as small:
        options = FuzzedOptions(url_of(small), ready_dsn, free_model=small.caller.parameters["model"])
        replayed = await asyncio.to_thread(replay, Reproduction((sequence,)), options)
    assert {finding.claim for finding in replayed.findings} == claims
    (journal,) = journals(own_journals)
    clean(ready_dsn, journal, load_rollout())
    assert counts(ready_dsn) == before


async def test_the_hunt_ends_where_nothing_is_served_or_stored(
    ready_dsn: str, tmp_path: Path, own_journals: Path
) -> None:
    asked = 0

    def fails_later(one: Asked) -> None:
        nonlocal asked
        asked += 1
        if asked > 60:
            fails(one)

    async def hunt(fault: Fault, wait_s: float | None) -> None:
        async with backend(ready_dsn, fault) as small:
            options = options_of(url_of(small), ready_dsn, small.caller.parameters["model"], tmp_path)
            options = replace(options, subject=replace(options.subject, wait_s=wait_s))
            await asyncio.to_thread(fuzz, options, said, said)

    with pytest.raises(UnavailableError, match="no plain request was served with an id: 500"):
        await hunt(fails, None)
    with pytest.raises(UnavailableError, match=r"does not serve requests without the header any more: 500"):
        await hunt(fails_later, None)
    with pytest.raises(UnavailableError, match=r"no row of .* came within 0\.3 s; raise --wait-rows"):
        await hunt(late_by(2.0), 0.3)
    assert [read_journal(one).ended for one in journals(own_journals)] == [False] * 3


def repeats_an_id(asked: Asked) -> None:
    if asked.lines == [b"a.b"]:
        asked.document = {"id": "0" * 32}


@pytest.mark.parametrize(
    ("fault", "sequence", "told"),
    [
        (
            nothing,
            (HeaderCase(((NAME, b"a" * 16_000),), Kind.BLOCK),),
            "nothing was sent: its header lines are",
        ),
        (repeats_an_id, (INVALID, VALID, INVALID), "not judged, send it again: "),
    ],
)
async def test_a_replay_never_calls_fixed_what_it_has_not_seen(
    ready_dsn: str, fault: Fault, sequence: CaseSequence, told: str
) -> None:
    async with backend(ready_dsn, fault) as small:
        options = FuzzedOptions(url_of(small), ready_dsn, free_model=small.caller.parameters["model"])
        with pytest.raises(UnavailableError, match=told):
            await asyncio.to_thread(replay, Reproduction((sequence,)), options)
