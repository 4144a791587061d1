"""What cannot be judged is not called good: a backend that serves nothing, a fault that comes and goes, a late row."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from harness.backend.sessions import Sessions
from harness.database.declared import plan_store
from harness.errors import UnavailableError
from harness.probing.probe_factory import plan_caller
from harness.rule.cases import NAME, CaseSequence, HeaderCase, Kind, other_names
from harness.rule.policy import STRICT, received
from harness.run.counterexample import describe_counterexample, store_counterexample
from harness.run.example import judge_example, require_service
from harness.run.fuzz import Fuzzer, example_database
from harness.run.fuzzed_backend import FuzzedBackend
from harness.run.options.fuzz import FuzzOptions
from harness.sut.reference import Endpoint
from harness.verdict import Finding
from tests.clients.servers import server

MODEL = "vendor/model:free"
VALID = HeaderCase(((NAME, b"abc"),), Kind.VALID)
INVALID = HeaderCase(((NAME, b"a.b"),), Kind.NEAR)
REFUSED = HeaderCase(((NAME, b"a\0b"),), Kind.CONTROL)
ABSENT = HeaderCase((), Kind.ABSENT)
OTHER = HeaderCase(((other_names()[0], b"abc"),), Kind.OTHER_NAME)


@dataclass(slots=True)
class Asked:
    """One request as the small backend sees it, and what it makes of it unless a fault changes that."""

    lines: list[bytes]
    names: set[bytes]
    after_header: bool
    """Whether the request before it on this connection bore the header."""
    status: int = 200
    document: dict[str, object] = field(default_factory=dict)
    row_delays_s: tuple[float, ...] = (0.0,)
    value: str | None = None
    """What its row holds."""
    user: str = ""


Fault = Callable[[Asked], None]


@asynccontextmanager
async def backend(dsn: str, fault: Fault) -> AsyncIterator[FuzzedBackend]:
    """A right backend with a fault, on the database; it serves one model."""
    accounting: set[asyncio.Task[None]] = set()

    async def account(user: str, identity: str, value: str | None, delay_s: float) -> None:
        await asyncio.sleep(delay_s)  # what a late row is
        async with sessions.session() as connection, connection.transaction():
            row = uuid.uuid4()
            zeros = "0, 0, 0, 0, 0"
            await connection.execute(
                "INSERT INTO microdollar_usage (id, kilo_user_id, cost, input_tokens, output_tokens, "
                f"cache_write_tokens, cache_hit_tokens) VALUES (%s, %s, {zeros})".encode(),
                (row, user),
            )
            await connection.execute(
                "INSERT INTO microdollar_usage_metadata (id, created_at, message_id, posthog_distinct_id) "
                "VALUES (%s, now(), %s, %s)",
                (row, identity, value),
            )

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        after_header = False
        while True:
            head = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")[1:]
            headers = [
                (name.lower(), value[1:]) for name, _, value in (line.partition(b":") for line in head)
            ]
            body = await reader.readexactly(int(dict(headers)[b"content-length"]))
            lines = [value for name, value in headers if name == NAME]
            asked = Asked(
                lines, {name for name, _ in headers}, after_header, document={"id": uuid.uuid4().hex}
            )
            after_header = bool(lines)
            if any(b"\0" in value for value in lines):
                asked.status, asked.document, asked.row_delays_s = 400, {}, ()
            if json.loads(body)["model"] != MODEL:
                asked.status, asked.document, asked.row_delays_s = 401, {"error": "paid"}, ()
            asked.user = user = "anon:" + dict(headers)[b"x-forwarded-for"].decode().partition(",")[0]
            asked.value = STRICT.accepted(received(lines) or "")
            fault(asked)
            text = json.dumps(asked.document).encode() if asked.document else b""
            reply = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            value = asked.value
            for delay_s in asked.row_delays_s:
                task = asyncio.create_task(account(user, str(asked.document.get("id")), value, delay_s))
                accounting.add(task)
            writer.write(reply % (asked.status, len(text), text))

    async with Sessions(dsn, 4) as sessions:
        async with server(talk) as address:
            yield FuzzedBackend(
                Endpoint(address, "after", "the small backend"),
                dsn,
                plan_caller(MODEL),
                plan_store(),
                2.0,
                "the small backend",
            )
        await asyncio.gather(*accounting)


def nothing(_asked: Asked) -> None:
    """No fault."""


def fails(asked: Asked) -> None:
    asked.status, asked.document, asked.row_delays_s = 500, {"error": "down"}, ()


def loses_id_when_invalid(asked: Asked) -> None:
    if asked.lines == [b"a.b"]:
        asked.document, asked.row_delays_s = {"object": "chat.completion"}, ()


def fails_on_underscores(asked: Asked) -> None:
    if other_names()[0] in asked.names:
        fails(asked)


def fails_after_header(asked: Asked) -> None:
    if asked.after_header and not asked.lines and NAME not in asked.names:
        fails(asked)


def doubles_late(asked: Asked) -> None:
    if asked.lines == [b"abc"]:
        asked.row_delays_s = (0.0, 0.4)


def accounts_for_refused(asked: Asked) -> None:
    if asked.status == 400:
        asked.row_delays_s = (0.0,)


async def test_example_refutes_nothing_of_a_right_backend(ready_dsn: str) -> None:
    async with backend(ready_dsn, nothing) as small:
        await require_service(small)
        found = await judge_example(small, STRICT, ((VALID, ABSENT), (INVALID,), (REFUSED,), (OTHER,)))
    assert found == ()


@pytest.mark.parametrize(
    ("fault", "sequence", "claim", "rows_within_s"),
    [
        (loses_id_when_invalid, (INVALID,), "V4", 0.0),
        (fails_on_underscores, (OTHER,), "V4", 0.0),
        (fails_after_header, (VALID, INVALID, ABSENT), "V4", 0.0),
        (doubles_late, (VALID,), "R1", 1.0),
        (accounts_for_refused, (REFUSED,), "R1", 0.5),
    ],
)
async def test_example_refutes_a_fault_that_leaves_no_row_to_look_at(
    ready_dsn: str, fault: Fault, sequence: CaseSequence, claim: str, rows_within_s: float
) -> None:
    async with backend(ready_dsn, fault) as small:
        found = await judge_example(small, STRICT, (sequence,), rows_within_s=rows_within_s)
    assert claim in {finding.claim for finding in found}


async def test_service_is_required_before_anything_is_called_good(ready_dsn: str) -> None:
    async with backend(ready_dsn, fails) as small:
        with pytest.raises(UnavailableError, match="does not serve a request without the header: 500"):
            await require_service(small)
        assert await judge_example(small, STRICT, ((VALID,),)), "a backend that fails later is a find"
    with pytest.raises(UnavailableError, match="no connection"):
        await require_service(small)


def late_by(seconds: float) -> Fault:
    def late(asked: Asked) -> None:
        asked.row_delays_s = (seconds,)

    return late


def hunt(tmp_path: Path, judged: Callable[[tuple[CaseSequence, ...]], tuple[Finding, ...]]) -> list[str]:
    """What is reported of a find."""
    options = FuzzOptions(examples=40, example_db=str(tmp_path))
    found = Fuzzer(options, plan_caller(), example_database(str(tmp_path)), lambda _: None).run(judged)
    assert found is not None
    return describe_counterexample(store_counterexample(found, options.subject, tmp_path))


def test_hunt_reports_a_fault_that_only_several_headers_show(tmp_path: Path) -> None:
    lines = hunt(tmp_path, lambda example: (Finding("R1", "", "lost"),) if len(example) > 20 else ())
    assert lines[0] == "found: R1 refuted: lost"


@pytest.mark.parametrize("at", [1, 2, 3, 20])
def test_hunt_reports_a_fault_that_was_seen_once(tmp_path: Path, at: int) -> None:
    reports_what_is_seen_once(tmp_path, at)


@pytest.mark.catalogue
def test_hunt_reports_a_fault_seen_once_among_its_targets(tmp_path: Path) -> None:
    reports_what_is_seen_once(tmp_path, 30)


def reports_what_is_seen_once(tmp_path: Path, at: int) -> None:
    calls = count(1)
    lines = hunt(tmp_path, lambda _: (Finding("R1", "", "lost"),) if next(calls) == at else ())
    assert lines[0] == "found: R1 refuted: lost"
