"""The plan's goal on a standing backend: refuted as planned, proven by the one change that the workaround names."""

import pytest

from harness import plan
from harness.checks.linkability import EventsUnder
from harness.clients import analytics
from harness.clients.id_client import plans_client
from harness.database.templates import Templates
from harness.errors import UnavailableError
from harness.rule import node
from harness.run.linkability import judge_linkability
from harness.stages.environment import BuildPair, Environment, running_stage
from harness.stages.matrix import addresses
from harness.stages.stack import stack
from harness.sut.observation import Observation
from harness.verdict import Judgement, Results, Status
from tests.fix_stages import RELEASED, START

CLAIMS = (*plan.EXTENSION_CLAIMS, *(claim for claim, _, _ in plan.EXTENSION_AUDIT))


async def judged(
    environment: Environment, audited: EventsUnder = EventsUnder.DEVICE_ID
) -> tuple[Judgement, Judgement, list[Observation]]:
    results = Results(CLAIMS)
    observed = await judge_linkability(results, environment, addresses(), seed=0, audited=audited)
    found = {one.claim.id: one for one in results.judgements()}
    return found["E6"], found["E8"], observed


async def test_id_in_the_row_leads_to_no_event_as_planned(environment: Environment) -> None:
    required, audited, observed = await judged(environment)
    assert required.status is Status.PROVEN, required
    assert audited.status is Status.REFUTED
    [finding] = audited.findings
    assert "vscode-" in finding.row
    assert "the events arrived under" in finding.effect
    assert "alias" in finding.workaround
    assert len(observed) == 3
    assert all(seen.rows[0].value == seen.probe.lines[0].decode() for seen in observed)
    for under in (EventsUnder.DERIVED_ID, EventsUnder.ALIASED):
        _, planned, _ = await judged(environment, under)
        assert planned.status is Status.PROVEN, under


async def test_linking_is_refuted_where_the_backend_stores_no_id(templates: Templates) -> None:
    builds = BuildPair(after="insert-unchanged")
    async with stack(templates, "strict", builds) as shared, running_stage(shared, RELEASED) as stage:
        required, _, _ = await judged(stage)
    assert required.status is Status.REFUTED
    assert "the row holds NULL" in required.findings[0].effect


async def test_linking_is_unknown_before_any_replica_stores_the_id(templates: Templates) -> None:
    async with stack(templates, "strict") as shared, running_stage(shared, START) as stage:
        required, audited, observed = await judged(stage)
    assert (required.status, audited.status, observed) == (Status.UNKNOWN, Status.UNKNOWN, [])
    assert "nothing stores an id" in required.detail


async def test_linking_is_unknown_without_node_or_events(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with analytics.analytics(plans_client()) as server:
        gone = server.origin
    send = analytics.send
    with monkeypatch.context() as patched:
        patched.setattr(analytics, "send", lambda client, _origin, calls: send(client, gone, calls))
        required, audited, observed = await judged(environment)
    assert (required.status, audited.status) == (Status.UNKNOWN, Status.UNKNOWN)
    assert "could not send its events" in required.detail
    assert len(observed) == 3

    def missing() -> None:
        raise UnavailableError("Node is not installed")

    monkeypatch.setattr(node, "node_path", missing)
    required, audited, observed = await judged(environment)
    assert (required.status, audited.status, observed) == (Status.UNKNOWN, Status.UNKNOWN, [])
    assert "Node is not installed" in required.detail
