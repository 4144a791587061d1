"""A migration on a filled table: run, read and judged, part by part."""

# Imported for the checks that they register: were one missing, every module of checks would be imported to find it.
import harness.checks.applied_steps
import harness.checks.built_indexes
import harness.checks.migration
import harness.checks.migration_traffic  # noqa: F401
from harness.checks.registry import run_checks
from harness.database.declared import declared_store
from harness.database.scripts import Script
from harness.database.server import Server
from harness.database.templates import Templates
from harness.rehearsal.applied_steps import apply_steps
from harness.rehearsal.applied_under_writers import apply_under_writers
from harness.rehearsal.built_indexes import build_indexes
from harness.rehearsal.layouts import CORRECTED, Layout
from harness.rehearsal.migrated_schema import migrate_and_read
from harness.rehearsal.migrated_traffic import migrate_under_writers, observe_build_locks, run_plan_file
from harness.rehearsal.table import filled
from harness.rollout import Rollout
from harness.rollout.step_tables import RolloutStep
from harness.verdict import Results


def judge_migration(
    results: Results, server: Server, templates: Templates, rows: int, layout: Layout = CORRECTED
) -> None:
    """Judges M1 to M10 and M12 for a migration, each statement sent by itself, on a table of so many rows.

    The results must hold those claims. Of M10 and M12 only the plan's own file is the subject.
    """
    with filled(server, templates, rows) as name:
        with server.database(name) as dsn:
            run_checks(results, [migrate_and_read(dsn, layout)])
        with server.database(name) as dsn:
            run_checks(results, [migrate_under_writers(dsn, layout)])
    run_checks(results, [observe_build_locks(templates, layout)])
    run_checks(results, [run_plan_file(server)])


def judge_steps(results: Results, server: Server, templates: Templates, rows: int) -> None:
    """Judges M1 to M10, those that apply, for the SQL steps of the templates' rollout, on tables of so many rows."""
    rollout, ups = templates.rollout, ups_of(templates.rollout)
    builds = [step.up for step in rollout.tables.step if step.up and step.concurrent]
    with Templates(server, seed_rows=rows, rollout=rollout) as filled_templates:
        with filled_templates.after([]) as dsn:
            steps = apply_steps(dsn, declared_store(rollout), ups, downs_of(rollout))
            run_checks(results, [steps])
        with filled_templates.after([]) as dsn:
            run_checks(results, [apply_under_writers(dsn, rollout, *_beside_deployment(rollout))])
        if builds:
            run_checks(results, [build_indexes(templates, filled_templates, ups, builds)])


def _beside_deployment(rollout: Rollout) -> tuple[tuple[Script, ...], tuple[Script, ...]]:
    """The files of the SQL steps ahead of the last deployment in the plan's order, and those behind it."""
    steps = in_order(rollout)
    last = max((number for number, step in enumerate(steps) if step.kind == "deploy"), default=len(steps))
    ups = [(number, Script(step.up, rollout.text(step.up))) for number, step in enumerate(steps) if step.up]
    return (
        tuple(script for number, script in ups if number < last),
        tuple(script for number, script in ups if number > last),
    )


def in_order(rollout: Rollout) -> tuple[RolloutStep, ...]:
    """Every step in the plan's order, which is the file's where it says no other."""
    steps = {step.name: step for step in rollout.tables.step}
    return tuple(steps[name] for name in rollout.tables.plan_order.steps or steps)


def ups_of(rollout: Rollout) -> tuple[Script, ...]:
    """The files of the SQL steps, in the plan's order."""
    return tuple(Script(step.up, rollout.text(step.up)) for step in in_order(rollout) if step.up)


def downs_of(rollout: Rollout) -> tuple[Script, ...]:
    """What takes the steps back, the last one first; nothing where a step has no file for it."""
    steps = [step for step in reversed(in_order(rollout)) if step.up]
    if not all(step.down for step in steps):
        return ()
    return tuple(Script(step.down, rollout.text(step.down)) for step in steps if step.down)
