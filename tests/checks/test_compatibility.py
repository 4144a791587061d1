"""What must not change, on requests and rows that are written down: each way to change it refutes its own claim."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from harness import plan
from harness.checks.compatibility import TableTotals, judge_old_clients
from harness.checks.registry import run_checks
from harness.clients.exchange import HeaderLine, Outcome, Reply
from harness.clients.extension import Auth, ExtensionBuild, plan_header
from harness.clients.id_client import plans_client
from harness.clients.shape import PLAIN
from harness.probing.probe_factory import SignedIn, plan_caller
from harness.rule.policy import STRICT
from harness.run.headers import judge_headers
from harness.stages.matrix import MACHINE
from harness.stages.prepared_result import PreparedResult
from harness.sut.observation import Observation, Row
from harness.verdict import Results, Status

USER = SignedIn("user-1", "user-1@example.com", "token")
ID = plans_client().derived_id(MACHINE)
JSON = (b"content-type", b"application/json")

Change = Callable[[Observation], Observation]


def seen(
    number: int,
    served_by: str,
    *,
    header: bool = False,
    auth: Auth = Auth.ANONYMOUS,
    stage: str = "a stage",
    headers: tuple[HeaderLine, ...] = (JSON,),
) -> Observation:
    lines = plan_header(ID) if header else ()
    one = plan_caller(signed_in=USER).probe(
        lines,
        PLAIN._replace(auth=auth),
        address=f"2001:db8::{number:x}",
        extension=ExtensionBuild.AFTER if header else ExtensionBuild.BEFORE,
        kind="valid" if header else "none",
    )
    value = one.email if served_by == "after" and one.email else None
    value = ID if header and served_by == "after" and value is None else value
    row = Row(f"usage-{number}", one.user, f"metadata-{number}", f"gen-{number}", value)
    body = json.dumps({"id": f"gen-{number}", "created": number, "ok": True}).encode()
    reply = Reply(Outcome.REPLY, 200, headers, body)
    return Observation(one, reply, (row,), served_by, stage, datetime(2025, 11, 1, tzinfo=UTC))


def good() -> list[Observation]:
    """A control and a request with the header from each build, and both kinds of user."""
    pairs = [(auth, build) for auth in (Auth.ANONYMOUS, Auth.SIGNED_IN) for build in ("before", "after")]
    found = []
    for number, (auth, build) in enumerate(pairs):
        found += [
            seen(10 * number + 1, build, auth=auth),
            seen(10 * number + 2, build, auth=auth, header=True),
        ]
    return found


def judged(observations: list[Observation]) -> dict[str, Status]:
    results = Results(tuple(replace(claim, least=1) for claim in plan.CLAIMS))
    judge_headers(results, observations, STRICT)
    judge_old_clients(results, observations)
    judged_here = ("V4", "C1", "C2", "R1", "I1", "I2")
    return {one.claim.id: one.status for one in results.judgements() if one.claim.id in judged_here}


def row_of(one: Observation, **changes: str | None) -> Observation:
    changed: dict[str, Any] = dict(changes)
    return replace(one, rows=(replace(one.rows[0], **changed),))


def body_of(one: Observation, **changes: object) -> Observation:
    document = json.loads(one.reply.body) | changes
    return replace(one, reply=replace(one.reply, body=json.dumps(document).encode()))


def test_claims_are_proven_when_only_ids_and_times_have_changed() -> None:
    assert judged(good()) == dict.fromkeys(("V4", "C1", "C2", "R1", "I1", "I2"), Status.PROVEN)


CHANGES: list[tuple[str, int, Change]] = [
    ("V4", 3, lambda one: body_of(one, ok=False)),
    ("V4", 3, lambda one: replace(one, reply=replace(one.reply, status=400))),
    ("V4", 3, lambda one: replace(one, reply=replace(one.reply, headers=(JSON, (b"x-echo", b"1"))))),
    ("C1", 1, lambda one: replace(one, reply=replace(one.reply, status=400))),
    ("C1", 1, lambda one: row_of(one, value=ID)),
    ("C2", 2, lambda one: row_of(one, value=ID)),
    ("C2", 2, lambda one: body_of(one, ok=False)),
    ("R1", 0, lambda one: replace(one, rows=())),
    ("R1", 0, lambda one: replace(one, rows=one.rows * 2)),
    ("R1", 3, lambda one: row_of(one, metadata_id=None)),
    ("I1", 6, lambda one: row_of(one, user="user-2")),
    ("I2", 3, lambda one: row_of(one, user=f"anon:{ID}")),
]


@pytest.mark.parametrize(("claim", "at", "change"), CHANGES)
def test_claim_is_refuted_by_the_change_that_it_forbids(claim: str, at: int, change: Change) -> None:
    observations = good()
    observations[at] = change(observations[at])
    assert judged(observations)[claim] is Status.REFUTED


def test_old_client_may_get_a_further_header() -> None:
    later = [
        replace(one, stage="a later stage", reply=replace(one.reply, headers=(JSON, (b"x-limit", b"9"))))
        for one in good()
    ]
    assert judged(good() + later)["C2"] is Status.PROVEN


@pytest.mark.parametrize(
    ("replied", "after", "status"),
    [(3, (13, 13), Status.PROVEN), (3, (13, 12), Status.REFUTED), (2, (13, 13), Status.REFUTED)],
)
def test_totals_count_rows_of_all_users_in_both_tables(
    replied: int, after: tuple[int, int], status: Status
) -> None:
    results = Results(tuple(replace(claim, least=1) for claim in plan.CLAIMS if claim.id == "R1"))
    run_checks(results, [TableTotals(replied, (10, 10), after, ("a", "b"))])
    assert results.judgements()[0].status is status


@pytest.mark.parametrize(
    ("prepared", "refusals", "status"),
    [
        (True, (), Status.PROVEN),
        (False, (), Status.UNKNOWN),
        (True, ("0A000 cached plan must not change result type",) * 3, Status.REFUTED),
    ],
)
def test_prepared_statement_must_have_been_prepared_and_go_on(
    prepared: bool, refusals: tuple[str, ...], status: Status
) -> None:
    results = Results(tuple(replace(claim, least=1) for claim in plan.CLAIMS if claim.id == "C3"))
    needed = PreparedResult("the old INSERT", needed=True, prepared=prepared, refusals=refusals, tries=3)
    beside = PreparedResult("SELECT *", needed=False, prepared=prepared, refusals=("0A000 x",) * 3, tries=3)
    run_checks(results, [needed, beside])
    assert results.judgements()[0].status is status
