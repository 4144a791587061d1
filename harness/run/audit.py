"""Sends what the plan's sentences speak of to an environment of their own, and reads what they are judged by."""

from dataclasses import replace
from typing import Final

import psycopg

from harness import plan
from harness.backend.builds import AFTER, UNWIRED
from harness.checks.audit import IDS, sentences_hold
from harness.checks.registry import run_check
from harness.clients.extension import plan_header
from harness.clients.id_client import plans_client
from harness.clients.shape import PLAIN, Shape
from harness.data import sql_text
from harness.database import catalog
from harness.database.runners import connect
from harness.probing.probe_factory import plan_caller
from harness.stages.environment import BuildPair, Environment, Stack, running_stage
from harness.stages.matrix import addresses
from harness.stages.schema import CORRECTED
from harness.stages.steps import Version
from harness.sut.observation import Observation, Probe
from harness.verdict import Results

BUILDS: Final = BuildPair(before=UNWIRED.name, after=AFTER.name)
"""The plan's backend with its INSERT left as it was, beside the whole one; whatever builds the run is about."""


async def audit_sentences(results: Results, shared: Stack) -> None:
    """Judges A1 to A8 on an environment of their own, with the reference's builds and the corrected schema."""
    reference = replace(shared, builds=BUILDS, schema=CORRECTED)
    stage = shared.model.arrived_with(Version.BEFORE, Version.AFTER)
    async with running_stage(reference, stage) as environment:
        coverage_error = await _coverage_error(environment)
        observations = await _send(environment)
        users = await _listed_users(environment)
        columns = _columns_before(environment.dsn)
    run_check(results, sentences_hold, coverage_error, observations, users, columns)


async def _coverage_error(environment: Environment) -> str:
    """What the plan's coverage query is refused with before anything was sent; empty when it is not."""
    try:
        await environment.connection.execute(sql_text("queries/plan_coverage.sql").encode())
    except psycopg.errors.DivisionByZero as error:
        return f"{error.sqlstate} {error.diag.message_primary}"
    return ""


async def _send(environment: Environment) -> list[Observation]:
    """Valid ids to the backend whose INSERT was left; many ids from one address; and one request by the alias."""
    origin = addresses()

    def valid(address: str, identity: str, shape: Shape = PLAIN, *, alone: bool = True) -> Probe:
        lines = plan_header(plans_client().derived_id(identity))
        return plan_caller().probe(lines, shape, address=address, kind="valid", alone=alone)

    unwired = [valid(next(origin), f"machine {number}") for number in range(IDS)]
    same = next(origin)
    rotated = [valid(same, f"machine {number}", alone=False) for number in range(IDS)]
    alias = valid(next(origin), "machine", PLAIN._replace(path=plan.ROUTES[1]))
    observations = await environment.final_rows(await environment.observe([unwired, [*rotated, alias]]))
    return [
        replace(observation, served_by=UNWIRED.name if at < IDS else AFTER.name)
        for at, observation in enumerate(observations)
    ]


async def _listed_users(environment: Environment) -> frozenset[tuple[str, str | None, int]]:
    """What the plan's query lists: a user, a value and how many requests."""
    cursor = await environment.connection.execute(sql_text("queries/plan_users.sql").encode())
    return frozenset((user, value, requests) for user, value, requests, _ in await cursor.fetchall())


def _columns_before(dsn: str) -> int:
    """Columns of the metadata table beside the rollout's."""
    with connect(dsn) as connection:
        columns = catalog.columns(connection, plan.METADATA_TABLE)
    return sum(column.name != plan.COLUMN for column in columns)
