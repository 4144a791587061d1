"""What PostHog takes for nobody's id, or cuts, is stored whole here: refuted as planned, proven where it is refused."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness import plan
from harness.checks.audit import judge_audit
from harness.checks.persons import CUT, NOBODYS, stored_ids_lead_to_their_events
from harness.checks.registry import run_check
from harness.clients import analytics
from harness.clients.analytics import Analytics, AnalyticsEvent
from harness.clients.id_client import plans_client
from harness.clients.persons import kept
from harness.database.templates import Templates
from harness.errors import UnavailableError
from harness.run.persons import judge_persons, sample_ids
from harness.stages.environment import BuildPair, Environment, running_stage
from harness.stages.matrix import addresses
from harness.stages.stack import stack
from harness.sut.observation import Observation
from harness.verdict import Judgement, Results, Status
from tests.fix_stages import RELEASED, START

RECORDED = tuple(one for one in plan.EXTENSION_AUDIT if one[0].id in (NOBODYS, CUT))
CLIENT = plans_client()
IDS = sample_ids(CLIENT)
CLAIMS = (replace(plan.AUDIT_CLAIM, least=2), *(claim for claim, _, _ in RECORDED))


async def judged(environment: Environment) -> tuple[dict[str, Judgement], list[Observation]]:
    results = Results(CLAIMS)
    seen = await judge_persons(results, environment, addresses())
    judge_audit(results, RECORDED)
    return {one.claim.id: one for one in results.judgements()}, seen


async def test_both_sentences_are_refuted_as_recorded(environment: Environment) -> None:
    found, seen = await judged(environment)
    assert found["A0"].status is Status.PROVEN
    assert "stored 19 of 19 ids" in found[NOBODYS].findings[0].effect
    assert "not_authenticated" in found[NOBODYS].findings[0].effect
    assert "one of 201 characters, cut at 200, one of 255" in found[CUT].findings[0].effect
    assert all("harness coverage" in found[claim].findings[0].workaround for claim in (NOBODYS, CUT))
    assert len(seen) == len(IDS.all)

    strict = [replace(one, rows=tuple(replace(row, value=None) for row in one.rows)) for one in seen[1:]]
    results = Results(CLAIMS)
    run_check(results, stored_ids_lead_to_their_events, CUT, strict[: len(IDS.longer)], (), 200)
    run_check(results, stored_ids_lead_to_their_events, NOBODYS, strict[len(IDS.longer) :], (), 200)
    assert [one.status for one in results.judgements()[1:]] == [Status.PROVEN] * 2


@pytest.mark.parametrize("values", [IDS.longer, IDS.nobodys[:3]])
def test_an_event_under_what_is_kept_of_an_id_is_no_event_of_it(values: Sequence[str]) -> None:
    server = Analytics(
        "", CLIENT.consumer, [AnalyticsEvent("e", kept(value, CLIENT.consumer), None) for value in values]
    )
    assert not any(server.events_of(value) for value in values)


async def test_nothing_is_known_where_no_id_is_stored_at_all(templates: Templates) -> None:
    builds = BuildPair(after="insert-unchanged")
    async with stack(templates, "strict", builds) as shared, running_stage(shared, RELEASED) as stage:
        found, _ = await judged(stage)
    assert {one.status for one in found.values()} == {Status.UNKNOWN}
    assert "did not lead to its event either" in found[CUT].detail


async def test_nothing_is_known_before_any_replica_stores_the_id(templates: Templates) -> None:
    async with stack(templates, "strict") as shared, running_stage(shared, START) as stage:
        found, seen = await judged(stage)
    assert {one.status for one in found.values()} == {Status.UNKNOWN}
    assert seen == []


async def test_nothing_is_known_without_the_package(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise UnavailableError("the analytics package is missing")

    monkeypatch.setattr(analytics, "send", refuse)
    found, _ = await judged(environment)
    assert {one.status for one in found.values()} == {Status.UNKNOWN}
    assert "analytics package" in found[NOBODYS].detail
