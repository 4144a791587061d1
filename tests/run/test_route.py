"""A request goes down from module to module, each entered from one other, and comes back to be judged once."""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, Final

import harness
from harness.checks.gate import TargetJudge
from harness.checks.row_checks import judge_rows
from harness.probing.probe_factory import ProbeFactory, plan_caller
from harness.rule.cases import HeaderCase, Kind
from harness.rule.policy import STRICT
from harness.rule.shard import WHOLE, Share
from harness.rule.suite import Level
from harness.run.fault_coverage import FaultCoverage
from harness.run.gate_claims import claims_of
from harness.run.gate_parts import SuitePart
from harness.run.gate_run import GateRun
from harness.run.gate_suite import suite_alone
from harness.run.headers import SentCounts, _suite_probes, judge_headers, send_suite
from harness.run.probe_session import ProbeSession
from harness.sut.foreign_rows import ForeignRows
from harness.sut.observation import Row
from harness.sut.rows import RowKey, Rows
from harness.verdict import Results
from tests.sut.test_external import sending, serving

HARNESS: Final = Path(harness.__file__).parent
NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
VALUES: Final = (b"a" * 255, b"a" * 256)

SUPPLIES: Final = {"_batches", "_paced", "_suite_probes"}
"""Generators that are handed down, to be read where requests are taken from them."""
DATA: Final = (
    *("automata/", "rollout/", "report/", "rule/", "database/", "stages/", "polling", "plan", "data"),
    *("probing/features", "probing/record", "probing/values", "sut/columns", "sut/hosts"),
    *("probing/kept_answers", "probing/packed"),
    *("sut/observation", "sut/target_clock", "checks/evidence", "checks/user_checks"),
    *("run/rule_explained", "run/fault_coverage"),
)
"""What a request, its reply, its rows and their words are made of, and all of `clients` but one: these decide nothing
of where it goes."""
WIRE: Final = "clients/wire"

GATE: Final = {
    "run/gate_parts": "run/gate_run",
    "run/gate_suite": "run/gate_parts",
    "probing/probe_factory": "run/gate_suite",
    "probing/run": "run/gate_run",
    "sut/external": "probing/run",
    WIRE: "sut/external",
    "sut/foreign_rows": "probing/run",
    "sut/rows": "sut/foreign_rows",
    "checks/gate": "probing/run",
    "checks/registry": "checks/gate",
    "probing/controls": "checks/gate",
    "probing/judge": "checks/gate",
    "checks/row_checks": "checks/gate",
    "verdict": "checks/gate",
}
HEADERS: Final = {
    "probing/probe_factory": "run/headers",
    "probing/run": "run/headers",
    "sut/reference": "probing/run",
    WIRE: "sut/reference",
    "sut/rows": "sut/reference",
    "checks/registry": "run/headers",
    "checks/row_checks": "checks/registry",
    "probing/judge": "checks/row_checks",
    "verdict": "checks/registry",
}
"""Each module with the one from which it is entered."""


def module_of(frame: FrameType | None) -> str | None:
    """The module of the nearest frame that is the harness's, and no data's."""
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(HARNESS):
            name = file.relative_to(HARNESS).with_suffix("").as_posix()
            if name == WIRE or not name.startswith((*DATA, "clients/")):
                return name
        frame = frame.f_back
    return None


@contextmanager
def entered() -> Iterator[dict[str, set[str]]]:
    """Modules that are entered in this context, each with those from which it is."""
    found: dict[str, set[str]] = {}
    resumed: set[int] = set()

    def look(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        is_ours = code.co_filename.startswith(str(HARNESS)) and not code.co_name.startswith(("<", "__"))
        if event != "call" or not is_ours or code.co_name in SUPPLIES or id(frame) in resumed:
            return
        if code.co_flags & (0x20 | 0x80 | 0x200):  # what waits or yields is entered once, and then resumed
            resumed.add(id(frame))
            frames.append(frame)
        name, by = module_of(frame), module_of(frame.f_back)
        if name is not None and by is not None and name != by:
            found.setdefault(name, set()).add(by)

    frames: list[FrameType] = []  # kept, so that no other frame gets the id of one
    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def answering(number: int) -> bytes:
    body = b'{"id": "gen-%08d", "object": "chat.completion"}' % number
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


class RowsOfNobody(ForeignRows):
    """A pair of rows for each reply, without a value; no database is asked."""

    async def _fetch(self, _query: object, values: Any) -> list[tuple[Any, ...]]:
        return [("1", None, NOW, "2", reply_id, None, (), ()) for reply_id in values["reply_ids"]]


class OurRowsOfNobody(Rows):
    """The same of a backend of ours."""

    async def now(self) -> datetime:
        return NOW

    async def of(self, keys: Sequence[RowKey], _since: datetime) -> list[tuple[Row, ...]]:
        return [(Row("1", key.user, "2", key.reply_id, None),) for key in keys]


def assert_entered(found: dict[str, set[str]], expected: dict[str, str]) -> None:
    assert {name: sorted(by) for name, by in found.items()} == {name: [by] for name, by in expected.items()}


async def test_a_request_of_the_gate_meets_no_module_twice() -> None:
    nothing: Any = None
    results = Results(claims_of("after"))
    async with serving(answering) as (port, _):
        judge = TargetJudge(results, STRICT, f"http://127.0.0.1:{port}", "after", "")
        session = ProbeSession(sending(port), RowsOfNobody(nothing), judge)
        factory = ProbeFactory(plan_caller("some:free"), run=1)
        run = GateRun(
            factory=factory,
            session=session,
            level=Level.STANDARD,
            seed=0,
            deadline=0.0,
            on_progress=lambda _: None,
            claims=(),
            watch_rows_s=0.0,
            on_line=lambda _: None,
            share=Share((), WHOLE),
            shard=WHOLE,
            extra_states=0,
            fault_coverage=FaultCoverage(STRICT, "", {}),
        )
        with entered() as found:
            await run._send([SuitePart(lambda: suite_alone(factory, VALUES, Level.STANDARD))])
    assert results.refuted("V2"), "no finding: the way was not gone to its end"
    assert_entered(found, GATE)


async def test_a_request_of_prove_meets_no_module_twice() -> None:
    nothing: Any = None
    results = Results(claims_of("after"))
    caller = plan_caller("some:free")
    cases = [(HeaderCase((), Kind.ABSENT),), *((caller.case(value),) for value in VALUES)]
    async with serving(answering) as (port, _):
        replica = SimpleNamespace(process=SimpleNamespace(port=port), version="after")
        environment: Any = SimpleNamespace(
            replicas=[replica], stage="arrived", lost=set, rows=OurRowsOfNobody(nothing)
        )
        sent = SentCounts(Share((), WHOLE))
        with entered() as found:
            await send_suite(
                results, environment, STRICT, _suite_probes(caller, cases, ()), sent, lambda _: None
            )
    assert results.refuted("V2"), "no finding: the way was not gone to its end"
    assert_entered(found, HEADERS)


def test_a_module_that_two_others_enter_is_seen_so() -> None:
    results = Results(claims_of("after"))
    with entered() as found:
        judge_rows(results, (), STRICT)
        judge_headers(results, (), STRICT)
    assert found["checks/registry"] == {"checks/row_checks", "run/headers"}
