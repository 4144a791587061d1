"""The reference of any rollout does what its file says: its INSERT, its rule, its identities, its steps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from harness.data import fixture_path
from harness.database.server import Server
from harness.database.templates import Templates
from harness.errors import UsageError
from harness.probing.judge import expect, judge
from harness.rollout import load_rollout
from harness.stages.environment import Environment, running_stage
from harness.stages.matrix import addresses, matrix
from harness.stages.model import Stage, StageModel
from harness.stages.of_rollout import model_of, plan_order_of
from harness.stages.stack import BuildPair, Stack, stack
from harness.stages.steps import Version

FOLDERS = ("machine-id", "feature", "length-only")


@asynccontextmanager
async def running(
    server: Server, folder: str, stage: Stage | None = None
) -> AsyncIterator[tuple[Stack, Environment]]:
    rollout = load_rollout(fixture_path(f"rollouts/{folder}"))
    with Templates(server, rollout=rollout) as templates:
        async with (
            stack(templates, "strict") as shared,
            running_stage(shared, stage or shared.model.arrived) as environment,
        ):
            yield shared, environment


@pytest.mark.parametrize("folder", FOLDERS)
async def test_reference_stores_what_its_rule_says(server: Server, folder: str) -> None:
    async with running(server, folder) as (shared, environment):
        caller = await shared.caller(environment.dsn)
        probes = [matrix(caller, addresses(), released=True), []]
        seen = await environment.observe(probes)
    assert [judge(one.rows, expect(one.probe, "after", shared.rule)) for one in seen] == [[]] * len(seen)
    by_kind = {one.probe.kind: one.rows[0].value for one in seen if one.probe.auth == "signed in"}
    stored = by_kind["valid"]
    assert stored == ("user-1@example.com" if folder == "length-only" else stored)
    assert stored is not None
    assert by_kind["none"] == ("user-1@example.com" if folder == "length-only" else None)


async def test_machine_id_is_cut_and_trimmed_for_everybody(server: Server) -> None:
    async with running(server, "machine-id") as (shared, environment):
        caller = await shared.caller(environment.dsn)
        values = (b"a" * 501, b"\xa0a\xa0", b"\xa0", b"a" * 499 + b"\xa0b")
        own = addresses()
        probes = [
            caller.probe(caller.case(value).lines, caller.cells[-1], address=next(own)) for value in values
        ]
        seen = await environment.observe([probes, []])
    assert [one.rows[0].value for one in seen] == ["a" * 500, "a", None, "a" * 499]
    assert {one.probe.auth for one in seen} == {"signed in"}


async def test_words_go_through_a_table_that_grows_once_each(server: Server) -> None:
    async with running(server, "feature") as (shared, environment):
        caller = await shared.caller(environment.dsn)
        values, own = (b" CLI ", b"cli", b"slack", b"other", b""), addresses()
        probes = [caller.probe(caller.case(value).lines, address=next(own)) for value in values]
        seen = await environment.observe([probes, []])
        cursor = await environment.connection.execute("SELECT feature FROM feature ORDER BY feature")
        words = [word for (word,) in await cursor.fetchall()]
    assert [one.rows[0].value for one in seen] == ["cli", "cli", "slack", None, None]
    assert words == ["cli", "slack"]


@pytest.mark.parametrize("folder", ["machine-id", "feature"])
async def test_steps_of_a_rollout_lead_to_what_its_files_make(server: Server, folder: str) -> None:
    rollout = load_rollout(fixture_path(f"rollouts/{folder}"))
    model = model_of(rollout)
    async with running(server, folder, model.start) as (shared, environment):
        for step in plan_order_of(rollout, shared.model).steps:
            await environment.take(step)  # which compares the tables with a new database's
        assert environment.stage.complete
        caller = await shared.caller(environment.dsn)
        [seen] = await environment.observe([[caller.probe((), address="2001:db8::1")], []])
    assert len(seen.rows) == 1


async def test_backend_ahead_of_its_lookup_table_loses_the_row(server: Server) -> None:
    model = model_of(load_rollout(fixture_path("rollouts/feature")))
    async with running(server, "feature", _ahead(model)) as (shared, environment):
        caller = await shared.caller(environment.dsn)
        [seen] = await environment.observe([[caller.probe((), address="2001:db8::1")], []])
        assert seen.reply.status == 200
        assert seen.rows == ()
        assert {loss.sqlstate for loss in environment.losses.values()} == {"42P01"}


def _ahead(model: StageModel) -> Stage:
    return model.stage((), (Version.AFTER, Version.BEFORE))


async def test_unknown_build_of_a_rollout_is_refused_in_one_line(server: Server) -> None:
    rollout = load_rollout(fixture_path("rollouts/feature"))
    with Templates(server, rollout=rollout) as templates:
        async with stack(templates, "strict", BuildPair(after="limit-256")) as shared:
            with pytest.raises(UsageError, match="unknown build 'limit-256' of rollout feature; there are"):
                async with running_stage(shared, shared.model.arrived):
                    pass
