"""Each defect shows in what it is said to be, and a backend without it keeps the promise."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import pytest

from harness.database.server import Server
from tests.backends.defects import DEFECTS, KINDS, IndependentDefect, Kind, defect_names
from tests.backends.traffic import ADDRESS, Reply, Request, Rows, rows, sent
from tests.fix_backends import variants

LONG = "k" * 60 + "-" + "Q" * 194
EMAIL = {"node": "ada@node.example", "flask": "grace.o'neil+billing@flask.example"}


def header(*lines: str, name: str = "x-posthog-distinct-id", stream: bool = False) -> Request:
    """An anonymous request with these lines of the header."""
    return Request(lines, name=name, stream=stream)


PLAIN = Request()
ELSEWHERE = Request(forwarded="198.51.100.1")
VALID = header("abC_1")
INVALID = header("a b")
SIGNED_IN = (Request(signed_in=True), Request(("abC_1",), signed_in=True))


def stored(replies: list[Reply], found: Rows) -> list[str | None]:
    """What is stored, request by request; a request may have more rows than one, or none."""
    return [link for reply in replies for _, link in found.get(reply.message_id, [])]


def users(replies: list[Reply], found: Rows) -> list[str]:
    """The user of each row."""
    return [user for reply in replies for user, _ in found.get(reply.message_id, [])]


def row_count(replies: list[Reply], found: Rows) -> int:
    """How many rows all requests have."""
    return sum(len(found.get(reply.message_id, [])) for reply in replies)


def statuses(replies: list[Reply], _: Rows) -> list[int]:
    """The status of each reply."""
    return [reply.status for reply in replies]


def shapes(replies: list[Reply], _: Rows) -> int:
    """How many sorts of replies there are by names of headers and members."""
    return len({(*sorted(reply.headers), *sorted(reply.chunks[0])) for reply in replies})


@dataclass(frozen=True, slots=True)
class Case:
    """Requests, and what is to be seen of them without the defect and with it."""

    kind: Kind
    defect: str
    requests: tuple[Request, ...]
    promised: Any
    shown: Any
    look: Callable[[list[Reply], Rows], Any] = stored


E_NODE, E_FLASK = EMAIL["node"], EMAIL["flask"]
UPPER = header("a", name="X-PostHog-Distinct-ID")
STREAM = header("a", stream=True)
CASES = (
    Case("node", "limit-254", (header(LONG), header(LONG[1:])), [LONG, LONG[1:]], [None, LONG[1:]]),
    Case("node", "unanchored", (INVALID, header("..")), [None, None], ["a b", None]),
    Case("node", "first-of-two", (header("a", "b"), VALID), [None, "abC_1"], ["a", "abC_1"]),
    Case("node", "name-case-sensitive", (UPPER, VALID), ["a", "abC_1"], [None, "abC_1"]),
    Case("node", "stream-forgotten", (STREAM, VALID), ["a", "abC_1"], [None, "abC_1"]),
    Case("node", "lower-cased", (VALID,), ["abC_1"], ["abc_1"]),
    Case("node", "truncated-64", (header(LONG),), [LONG], [LONG[:64]]),
    Case("node", "sticks-to-connection", (VALID, ELSEWHERE), ["abC_1", None], ["abC_1", "abC_1"]),
    Case(
        "node",
        "sticks-to-address",
        (VALID, ELSEWHERE, PLAIN),
        ["abC_1", None, None],
        ["abC_1", None, "abC_1"],
    ),
    Case("node", "header-echoed", (PLAIN, VALID), 1, 2, shapes),
    Case("node", "body-marked", (PLAIN, VALID), 1, 2, shapes),
    Case("node", "email-replaced", SIGNED_IN, [E_NODE, E_NODE], [E_NODE, "abC_1"]),
    Case("node", "row-doubled", (PLAIN, VALID), [None, "abC_1"], [None, None, "abC_1", "abC_1"]),
    Case("node", "rows-lost", (PLAIN,) * 40, 40, 38, row_count),
    Case("node", "metadata-missing", (VALID, INVALID, PLAIN), ["abC_1", None, None], ["abC_1", None]),
    Case("flask", "limit-256", (header(LONG + "x"), header(LONG + "xy")), [None, None], [LONG + "x", None]),
    Case("flask", "limit-none", (header(LONG + LONG), INVALID), [None, None], [LONG + LONG, None]),
    Case("flask", "end-unanchored", (INVALID, header(".b")), [None, None], ["a b", None]),
    Case("flask", "word-characters", (header("é"), header("a.b")), [None, None], ["é", None]),
    Case("flask", "json-forgotten", (VALID, STREAM), ["abC_1", "a"], [None, "a"]),
    Case("flask", "empty-string", (PLAIN, INVALID, VALID), [None, None, "abC_1"], ["", "", "abC_1"]),
    Case("flask", "sticks-across", (VALID, ELSEWHERE), ["abC_1", None], ["abC_1", "abC_1"]),
    Case("flask", "refused-400", (PLAIN, VALID, INVALID), [200, 200, 200], [200, 200, 400], statuses),
    Case(
        "flask",
        "anon-id-from-header",
        (VALID, PLAIN),
        [f"anon:{ADDRESS}", f"anon:{ADDRESS}"],
        ["anon:abC_1", f"anon:{ADDRESS}"],
        users,
    ),
    Case("flask", "email-missing", SIGNED_IN, [E_FLASK, E_FLASK], [None, None]),
    Case("flask", "signed-in-stored", SIGNED_IN, [E_FLASK, E_FLASK], [None, "abC_1"]),
    Case("flask", "rows-lost", (PLAIN,) * 40, 40, 38, row_count),
    Case("flask", "metadata-doubled", (VALID,), ["abC_1"], ["abC_1", "abC_1"]),
)

AN_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What every case of a backend gave, by name of the defect and whether the backend had it."""

    replies: dict[tuple[str, bool], list[Reply]]
    early: Rows
    """Before the process ended: all rows were due an hour later."""
    final: Rows


@pytest.fixture(scope="module")
def seen(server: Server) -> Callable[[Kind], Seen]:
    """All cases of a backend at once, when the first of them is asked for."""
    return cache(partial(_seen, server))


def _seen(server: Server, kind: Kind) -> Seen:
    tasks = [(case, has_it) for case in CASES if case.kind == kind for has_it in (True, False)]
    with server.database() as dsn:
        with (
            variants(kind, dsn, (None, *defect_names(kind)), late_ms=(AN_HOUR_MS, AN_HOUR_MS)) as backends,
            ThreadPoolExecutor(16) as pool,
        ):
            jobs = [
                pool.submit(sent, backends[case.defect if has_it else None, None], *case.requests)
                for case, has_it in tasks
            ]
            replies = [job.result() for job in jobs]
            message_ids = [reply.message_id for each in replies for reply in each]
            early = rows(dsn, message_ids)
        final = rows(dsn, message_ids)
    by_case = {(case.defect, has_it): each for (case, has_it), each in zip(tasks, replies, strict=True)}
    return Seen(by_case, early, final)


def test_every_defect_has_its_case() -> None:
    assert [(case.kind, case.defect) for case in CASES] == [(defect.kind, defect.name) for defect in DEFECTS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.defect}")
def test_defect_shows_and_is_absent_without_it(seen: Callable[[Kind], Seen], case: Case) -> None:
    observed = seen(case.kind)
    assert case.look(observed.replies[case.defect, False], observed.final) == case.promised
    assert case.look(observed.replies[case.defect, True], observed.final) == case.shown


@pytest.mark.parametrize("kind", KINDS)
def test_rows_wait_until_the_process_ends_when_they_are_due_later(
    seen: Callable[[Kind], Seen], kind: Kind
) -> None:
    assert seen(kind).early == {}
    assert len(seen(kind).final) > 100


@pytest.mark.parametrize("kind", KINDS)
def test_defects_of_a_backend_are_of_every_sort_the_list_promises(kind: Kind) -> None:
    own: list[IndependentDefect] = [defect for defect in DEFECTS if defect.kind == kind]
    assert len({defect.name for defect in own}) == len(own) >= 12
    assert len({defect.failure for defect in own}) == 6
