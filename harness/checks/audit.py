"""Audits the plan: its sentences judged by what was seen, and held to the status they are recorded with.

A sentence that is known not to hold is expected to be refuted, and is told with its workaround. What would change the
verdict is a sentence that stands otherwise than recorded. Sentences that rest on other claims count there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import psycopg

from harness import plan
from harness.backend.builds import AFTER, UNWIRED
from harness.checks.evidence import describe_value, finding
from harness.clients.extension import Auth, ExtensionBuild, derived_id, plan_header
from harness.data import sql_text
from harness.database import catalog
from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.report.contents import AuditedSentence
from harness.stages.environment import BuildPair, Environment, Stack, running_stage
from harness.stages.matrix import addresses, probe
from harness.stages.model import Stage, Version
from harness.stages.schema import CORRECTED
from harness.sut import Observation, Probe
from harness.verdict import Claim, Finding, Judgement, Results, Status

AUDIT: Final = "A0"
LIKELY_WORKS: Final = "A1"
FILES: Final = "A2"
ENDPOINTS: Final = "A3"
SENDERS: Final = "A4"
FIELDS: Final = "A5"
COVERAGE: Final = "A6"
USERS: Final = "A7"
BLOAT: Final = "A8"

STAGE: Final = Stage(SchemaState.READY, (Version.BEFORE, Version.AFTER), extension_released=True)
BUILDS: Final = BuildPair(before=UNWIRED.name, after=AFTER.name)
"""The plan's backend with its INSERT left as it was, beside the whole one; whatever cast the run is about."""
IDS: Final = 4
"""Requests of each kind."""

Recorded = Sequence[tuple[Claim, Status, str]]
"""Sentences with the status each is expected to have, and a workaround."""
Resting = Sequence[tuple[Claim, tuple[str, ...], str]]


async def judge_sentences(results: Results, shared: Stack) -> None:
    """Judges A1 to A8 on a stand of their own, with the reference's builds and the corrected schema."""
    reference = replace(shared, builds=BUILDS, schema=CORRECTED)
    async with running_stage(reference, STAGE) as environment:
        await _judge_coverage(results, environment)
        seen = await _send(reference, environment)
        _judge_insert_left(results, seen[:IDS])
        _judge_ids(results, seen[IDS : 2 * IDS])
        _judge_endpoints(results, seen[2 * IDS :])
        await _judge_users(results, environment, seen[IDS:])
        _judge_fields(results, environment.dsn)
    results.observed(SENDERS)
    results.inconclusive(SENDERS, "who sends cannot be seen here: the reference has no other clients")


def judge_audit(results: Results, recorded: Recorded) -> None:
    """Judges A0, after everything else: each sentence stands as recorded; one that has become unknown leaves it so.

    Sentences that are not on the results are not asked.
    """
    by_id = {judgement.claim.id: judgement for judgement in results.judgements()}
    counts = dict.fromkeys(Status, 0)
    for claim, expected, workaround in recorded:
        if claim.id not in by_id:
            continue
        results.observed(AUDIT)
        found = by_id[claim.id]
        counts[found.status] += 1
        if found.status is expected:
            continue
        effect = f"{found.status}, recorded as {expected}: {_detail(found)}"
        if found.status is Status.UNKNOWN:
            results.inconclusive(AUDIT, f"{claim.id} is {effect}")
        else:
            results.refute(Finding(AUDIT, f"{claim.id}: {claim.sentence}", effect, workaround=workaround))
    results.detail(AUDIT, ", ".join(f"{count} {status}" for status, count in counts.items() if count))


def audited(
    judgements: Iterable[Judgement], recorded: Recorded, resting: Resting
) -> tuple[AuditedSentence, ...]:
    """How every sentence stands that is asked, by number; those that rest on others stand as the worst of these do."""
    by_id = {judgement.id: judgement for judgement in judgements}
    own = [
        _audited(claim, expected, by_id[claim.id].status, _detail(by_id[claim.id]), workaround)
        for claim, expected, workaround in recorded
        if claim.id in by_id
    ]
    others = [
        _audited(claim, Status.PROVEN, *_worst(bases, by_id), workaround)
        for claim, bases, workaround in resting
        if by_id.keys() >= set(bases)
    ]
    return tuple(sorted((*own, *others), key=lambda sentence: (sentence.id[0], int(sentence.id[1:]))))


def _audited(
    claim: Claim, expected: Status, status: Status, evidence: str, workaround: str
) -> AuditedSentence:
    return AuditedSentence(
        claim.id, claim.sentence, claim.quote, claim.section, expected, status, evidence, workaround
    )


async def _send(stack: Stack, environment: Environment) -> list[Observation]:
    """Valid ids to the backend whose INSERT was left; many ids from one address; and one request by the alias."""
    signed_in = await stack.signed_in(environment.dsn)
    origin = addresses()

    def one(address: str, identity: str) -> Probe:
        lines = plan_header(derived_id(identity))
        return probe(
            signed_in,
            address,
            ExtensionBuild.AFTER,
            Auth.ANONYMOUS,
            kind="valid",
            lines=lines,
            stream=False,
        )

    left = [one(next(origin), f"machine {number}") for number in range(IDS)]
    same = next(origin)
    rotated = [replace(one(same, f"machine {number}"), alone=False) for number in range(IDS)]
    alias = one(next(origin), "machine")
    alias = replace(alias, request=replace(alias.request, path=plan.ROUTES[1]))
    seen = await environment.settle(await environment.observe([left, [*rotated, alias]]))
    return [
        replace(found, served_by=UNWIRED.name if at < IDS else AFTER.name) for at, found in enumerate(seen)
    ]


def _judge_insert_left(results: Results, seen: Sequence[Observation]) -> None:
    for found in seen:
        for row in found.rows:
            if not row.whole:
                continue
            for claim in (LIKELY_WORKS, FILES):
                results.observed(claim)
                if row.value is None:
                    results.refute(finding(claim, found, "stored NULL, expected the id that was sent"))


def _judge_ids(results: Results, seen: Sequence[Observation]) -> None:
    users = {found.probe.user for found in seen}
    values = {row.value for found in seen for row in found.rows if row.whole}
    results.observed(BLOAT, len(seen))
    if len(users) == 1 and len(values) == len(seen):
        effect = (
            f"{len(values)} requests of one address stored {len(values)} different ids, each within the rule"
        )
        results.refute(finding(BLOAT, seen[0], effect))


def _judge_endpoints(results: Results, seen: Sequence[Observation]) -> None:
    for found in seen:
        results.observed(ENDPOINTS)
        users = {row.user for row in found.rows}
        if users == {found.probe.user}:
            results.refute(
                finding(ENDPOINTS, found, f"{plan.ROUTES[1]} accounted to an anonymous user as well")
            )


def _judge_fields(results: Results, dsn: str) -> None:
    with connect(dsn) as connection:
        columns = [
            one.name for one in catalog.columns(connection, plan.METADATA_TABLE) if one.name != plan.COLUMN
        ]
    results.observed(FIELDS)
    if len(columns) != plan.EXISTING_FIELDS:
        effect = f"{len(columns)} columns, not {plan.EXISTING_FIELDS}"
        results.refute(Finding(FIELDS, f"{plan.METADATA_TABLE} before the rollout, by the catalogue", effect))


async def _judge_coverage(results: Results, environment: Environment) -> None:
    """Before anything was sent: there is no anonymous row of the last week."""
    results.observed(COVERAGE)
    try:
        await environment.connection.execute(sql_text("queries/plan_coverage.sql").encode())
    except psycopg.errors.DivisionByZero as error:
        effect = f"{error.sqlstate} {error.diag.message_primary}"
        results.refute(Finding(COVERAGE, "no anonymous row of the last seven days", effect))


async def _judge_users(results: Results, environment: Environment, seen: Sequence[Observation]) -> None:
    expected = {(found.probe.user, row.value, 1) for found in seen for row in found.rows}
    cursor = await environment.connection.execute(sql_text("queries/plan_users.sql").encode())
    listed = {(user, value, requests) for user, value, requests, _ in await cursor.fetchall()}
    results.observed(USERS, len(expected & listed))
    for user, value, requests in sorted(expected ^ listed):
        wrong = "missing" if (user, value, requests) in expected else "too much"
        effect = f"the line of {user} with {describe_value(value)} and {requests} is {wrong}"
        results.refute(Finding(USERS, f"{len(expected)} requests of one address, an id each", effect))


def _detail(judgement: Judgement) -> str:
    if judgement.findings:
        return judgement.findings[0].effect
    return judgement.detail or f"{judgement.observed} observed"


def _worst(bases: Sequence[str], by_id: dict[str, Judgement]) -> tuple[Status, str]:
    for status in (Status.REFUTED, Status.UNKNOWN):
        for base in bases:
            if by_id[base].status is status:
                return status, f"{base} is {status}"
    return Status.PROVEN, f"{' and '.join(bases)} proven"
