"""Applies the SQL steps of any rollout while its reference accounts for requests: what the writers saw."""

from collections.abc import Sequence

import psycopg

from harness.database.runners import connect, run_statements
from harness.database.scripts import Script, StatementFailed
from harness.rehearsal.accounting import accounting_of, kept
from harness.rehearsal.deadline import deadline
from harness.rehearsal.measurements import Rate
from harness.rehearsal.migrated_traffic import BESIDE
from harness.rehearsal.migration_evidence import ServedWriters
from harness.rehearsal.stalls import MIGRATION_S_MAX
from harness.rehearsal.traffic import Traffic, traffic
from harness.rehearsal.workload import Workload
from harness.rollout import Rollout

RATE = Rate(writers=4, writes_per_s=400.0, readers=0)


def apply_under_writers(
    dsn: str, rollout: Rollout, ahead: Sequence[Script], behind: Sequence[Script]
) -> ServedWriters:
    """Runs the steps ahead of the deployment and those behind it, each statement by itself, under writers.

    Half of them are the new build as soon as its statement is accepted, and all of them behind the deployment. Raises
    UsageError for a rollout without a reference.
    """
    workload, refused = accounting_of(rollout), ""
    with deadline(dsn, MIGRATION_S_MAX), traffic(dsn, RATE, workload) as running:
        running.pass_by(BESIDE)
        try:
            for script in ahead:
                run_statements(dsn, [script], lambda _: None)
                if _is_accepted(dsn, workload):
                    running.swap()
                running.pass_by(BESIDE)
            _deploy(running)
            run_statements(dsn, behind, lambda _: None)
        except StatementFailed as failed:
            refused = f"{failed.file} is refused with {failed.sqlstate}: {failed.message}"
        running.pass_by(BESIDE)
    writes = tuple(sample for sample in running.samples() if sample.write)
    return ServedWriters(refused, writes, running.accepted(), kept(dsn, running.prefix, rollout))


def _deploy(running: Traffic) -> None:
    running.swap()
    running.pass_by(BESIDE)
    running.deploy()
    running.pass_by(BESIDE)


def _is_accepted(dsn: str, workload: Workload) -> bool:
    """Whether the new build's statement is accepted now; what it writes is taken back."""
    with connect(dsn) as connection, connection.transaction(force_rollback=True):
        try:
            with connection.transaction():
                workload.write(connection, "tried", True, None)
        except psycopg.Error:
            return False
    return True
