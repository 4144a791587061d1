"""Failure scenarios of any rollout's concurrent build: on its own tables, filled, under writers that only insert."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from psycopg import sql

from harness.checks.registry import run_check
from harness.checks.rehearsal import failures_are_recovered_from
from harness.database.declared import DeclaredStore
from harness.database.rows import one_row
from harness.database.runners import connect, run_statements
from harness.database.scripts import Script
from harness.database.server import Server
from harness.rehearsal.concurrent_build import ConcurrentBuild
from harness.rehearsal.failure_runs import TRICKLE, ScenarioSetting, run_scenarios_on
from harness.rehearsal.own.effects import Effects
from harness.rehearsal.own.statistics import NO_STATISTICS
from harness.rehearsal.own.traffic_statements import workload_of
from harness.rehearsal.workload import Workload
from harness.run import rehearsal_tables as tables
from harness.run.own_rehearsal import OwnRehearsal, load
from harness.run.own_stalls import RehearsalTraffic, make_rows

ROWS: Final = 1_000
"""A build fails on few rows as it does on many: it is held in its waits."""


def run_failures(rehearsal: OwnRehearsal, build: ConcurrentBuild, text: str, ups: Sequence[Script]) -> None:
    """Runs every scenario on databases that stand before the build, judges and shows what came of them."""
    store = rehearsal.store
    assert store is not None, "it is a rollout's"
    before = ups[: [up.name for up in ups].index(build.up.name)]
    made: dict[str, RehearsalTraffic] = {}
    counts: dict[str, int] = {}

    @contextmanager
    def database(server: Server) -> Iterator[str]:
        """Filled, with the steps before the build done."""
        quiet = replace(
            rehearsal, server=server, remarks=[], options=replace(rehearsal.options, rows=ROWS), added=()
        )
        with quiet.database() as name:
            load(quiet, name, text)
            made[server.dsn(name)] = make_rows(quiet, name, Effects((), ()), NO_STATISTICS)
            run_statements(server.dsn(name), before, lambda _: None)
            yield server.dsn(name)

    def workload(dsn: str) -> Workload:
        counts[dsn] = _count(dsn, store)
        inserts = [writer for writer in made[dsn].writers if writer.label == f"INSERT into {store.table}"]
        return workload_of(inserts, made[dsn].readers, ROWS)[1]

    def kept(dsn: str, _prefix: str) -> int:
        # Each writer sent one more before the traffic began.
        return _count(dsn, store) - counts[dsn] - TRICKLE.writers

    with rehearsal.progress("failure scenarios") as on_progress:
        results = run_scenarios_on(
            ScenarioSetting(build, database, workload, kept), rehearsal.server, on_progress
        )
    run_check(rehearsal.results, failures_are_recovered_from, results)
    rehearsal.sections.traps = tables.failures_table(results)
    rehearsal.show(rehearsal.sections.traps)


def _count(dsn: str, store: DeclaredStore) -> int:
    """Rows of the rollout's table."""
    with connect(dsn) as connection:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(store.table))
        return int(one_row(connection, query)[0])
