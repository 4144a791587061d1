"""What `harness rehearse` does with the steps of any rollout: on its tables, filled, under writers of both builds."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace as with_changes
from psycopg import sql

from harness.checks.lint_statements import statements
from harness.checks.registry import run_checks
from harness.checks.step_locks import LOCKS
from harness.database.declared import DeclaredStore, declared_store
from harness.database.scripts import Script
from harness.database.server import running_server
from harness.errors import UsageError
from harness.rehearsal.applied_steps import apply_steps
from harness.rehearsal.concurrent_build import ConcurrentBuild, build_of
from harness.rehearsal.defects import USUAL, defects_of
from harness.rehearsal.own.statistics import Statistics
from harness.rehearsal.own.traffic_statements import Template
from harness.report.document import Report
from harness.rollout import Rollout
from harness.rollout.digest import rollout_digest
from harness.rule.policy import policy_of
from harness.run.gate_claims import WITHOUT
from harness.run.migration import downs_of, in_order, ups_of
from harness.run.options.rehearse import STEPS, RehearsalPart, RehearseOptions
from harness.run.own_files import OwnFiles, OwnStatement, templates_of
from harness.run.own_rehearsal import OwnRehearsal, Show, judge_effects, rehearsal_report, server_name
from harness.run.own_schema import schema_text, statistics_of, suited_server
from harness.run.own_stalls import effects_and_rows, measure_stalls
from harness.run.progress import LineCallback, ProgressDisplay
from harness.run.rehearsal_claims import (
    ROLLOUT_PARTS,
    STEP_CLAIMS,
    locks_claim,
    own_claims,
    recovery_claim,
    step_claims,
)
from harness.run.rehearse_failures import run_failures
from harness.run.rehearse_locks import judge_locks, predicted_locks
from harness.run.report import Begun
from harness.verdict import Claim, Results

_SESSION_OF_ITS_OWN: Final = "RESET ALL;"


def rehearse_rollout(
    options: RehearseOptions, rollout: Rollout, on_line: LineCallback, show: Show, progress: ProgressDisplay
) -> Report:
    """Rehearses the steps of a rollout, or a faulty migration in their place; leaves nothing behind.

    Raises UsageError for what the user gave and cannot be used, UnavailableError where it cannot be rehearsed here.
    """
    begun, own, store = Begun.now(), options.own, declared_store(rollout)
    ups = migration_of(options.migration, store)
    build = build_of(store) if options.migration == USUAL else None
    parts = _parts(options, rollout, build)
    given = templates_of(own.writers), templates_of(own.readers)
    statistics = statistics_of(own.statistics)
    with progress("the schema"):
        text, schemas = _schema(options, rollout)
    claims = own_claims(parts, is_judged=options.max_stall_ms is not None)
    if RehearsalPart.CLAIMS in parts:
        claims += step_claims(rollout, is_usual=options.migration == USUAL)
    if RehearsalPart.FAILURES in parts:
        claims += (recovery_claim(),)
    predicted = predicted_locks(ups, store)
    if RehearsalPart.LOCKS in parts and predicted:
        claims += (locks_claim(),)
    files, results = _files(options.migration, rollout, ups), Results(claims)
    choice = suited_server(options.postgres, text)
    with running_server(choice, session_pooler=options.session_pooler) as server:
        on_line(f"{server_name(server)}; rollout {rollout.name}: {files.summary}")
        rehearsal = OwnRehearsal(options, files, server, schemas, show, progress, results, parts, store)
        if _behind_deployment(rollout) and options.migration == USUAL:
            rehearsal.deployment = deployment(rollout).text
        rehearsal.remarks += _remarks(options, rollout, claims)
        rehearsal.remarks += _left_out(options, build)
        _run(rehearsal, text, statistics, given, ups)
        if build is not None and RehearsalPart.FAILURES in parts:
            run_failures(rehearsal, build, text, ups)
    asked = [LOCKS] if RehearsalPart.LOCKS in parts else []
    asked += STEP_CLAIMS if RehearsalPart.CLAIMS in parts else ()
    lacking = [f"{WITHOUT}{name}" for name in asked if name not in {claim.id for claim in claims}]
    report = rehearsal_report(rehearsal, begun, STEPS, lacking, policy_of(rollout).name)
    return with_changes(
        report,
        subject=rollout.header.name,
        target=f"rollout {rollout.name}",
        rollout=rollout_digest(rollout),
    )


def migration_of(name: str, store: DeclaredStore) -> tuple[Script, ...]:
    """The files of the rollout's steps, or those of a faulty migration. Raises UsageError for an unknown name."""
    rollout = store.rollout
    if name == USUAL:
        found = ups_of(rollout)
        if not found:
            raise UsageError(f"rollout {rollout.name} has no step of SQL to rehearse")
        return found
    known = {defect.name: defect.layout for defect in defects_of(store) if not defect.layout.old_snapshot}
    if name not in known:
        raise UsageError(
            f"no migration {name!r} of rollout {rollout.name}; choose one of {', '.join(sorted({USUAL, *known}))}"
        )
    return known[name].scripts


def _parts(
    options: RehearseOptions, rollout: Rollout, build: ConcurrentBuild | None
) -> frozenset[RehearsalPart]:
    known = ROLLOUT_PARTS | ({RehearsalPart.FAILURES} if build is not None else frozenset())
    parts = options.parts & known
    if not parts:
        names = " and ".join(f"--part {part}" for part in sorted(known))
        left_out = "; ".join(_left_out(options, build))
        raise UsageError(f"{left_out}; rollout {rollout.name} is rehearsed by {names}: name one of them")
    return parts


def _left_out(options: RehearseOptions, build: ConcurrentBuild | None) -> Iterator[str]:
    if RehearsalPart.MATRIX in options.parts:
        yield "not rehearsed: matrix, which knows the default rollout's files alone"
    if RehearsalPart.FAILURES in options.parts and build is None:
        yield "not rehearsed: traps (no step builds an index concurrently and has a recovery)"


def _schema(options: RehearseOptions, rollout: Rollout) -> tuple[str, tuple[str, ...]]:
    """The tables before the steps, by the rollout's file where none other is given."""
    baseline = rollout.tables.reference.baseline
    if options.own.schema is not None or options.own.copy_schema:
        return schema_text(options.own, session_pooler=options.session_pooler)
    if baseline is None:
        raise UsageError(
            f"rollout {rollout.name} does not say what its tables are before it (reference.baseline); add --schema "
            "FILE (what pg_dump --schema-only writes), or --database-url DSN --copy-schema"
        )
    return rollout.text(baseline), ()


def _files(migration: str, rollout: Rollout, ups: Sequence[Script]) -> OwnFiles:
    sent: list[OwnStatement] = []
    for number, script in enumerate(ups):
        if script.name == _behind_deployment(rollout):
            sent.append(deployment(rollout))
        if number:
            sent.append(OwnStatement(_SESSION_OF_ITS_OWN, script.name))
        sent += [OwnStatement(part.whole, f"{script.name}:{part.line}") for part in statements(script.text)]
    count = f"{len(ups)} file{'' if len(ups) == 1 else 's'}, each statement by itself"
    summary = count if migration == USUAL else f"migration `{migration}` in place of its steps, {count}"
    return OwnFiles(rollout.name, summary, tuple(sent), ())


def _behind_deployment(rollout: Rollout) -> str:
    """The file of the first SQL step behind the deployment in the plan's order; empty where there is none."""
    names = [step.up or step.kind for step in in_order(rollout) if step.kind != "release"]
    behind = names[names.index("deploy") + 1 :] if "deploy" in names else []
    return behind[0] if behind else ""


def deployment(rollout: Rollout) -> OwnStatement:
    """What stands for the deployment among the statements, and changes nothing itself."""
    name = next(step.name for step in rollout.tables.step if step.kind == "deploy")
    return OwnStatement(f"SELECT {sql.Literal(name).as_string()} AS deployment;", name)


def _remarks(options: RehearseOptions, rollout: Rollout, claims: Sequence[Claim]) -> Iterator[str]:
    if RehearsalPart.CLAIMS in options.parts and "M9" not in {claim.id for claim in claims}:
        lacking = [f'"{step.name}"' for step in rollout.tables.step if step.up and not step.down]
        reason = f"no down for step {', '.join(lacking)}" if lacking else "the downs are of the steps"
        yield f"not asked: M9 ({reason})"


def _run(
    rehearsal: OwnRehearsal,
    text: str,
    statistics: Statistics,
    given: tuple[Sequence[Template], Sequence[Template]],
    ups: Sequence[Script],
) -> None:
    parts = rehearsal.parts
    with effects_and_rows(rehearsal, text, statistics, given) as (effects, rows):
        if RehearsalPart.LOCKS in parts:
            judge_locks(rehearsal, effects, ups)
            if RehearsalPart.STALLS not in parts:
                judge_effects(rehearsal, effects)
        if rows is not None and RehearsalPart.STALLS in parts:
            measure_stalls(rehearsal, *rows)
        if rows is not None and RehearsalPart.CLAIMS in parts:
            assert rehearsal.store is not None, "it is a rollout's"
            with rehearsal.progress("claims"), rehearsal.copy(rows[0]) as dsn:
                is_usual = rehearsal.options.migration == USUAL
                downs = downs_of(rehearsal.store.rollout) if is_usual else ()
                run_checks(rehearsal.results, [apply_steps(dsn, rehearsal.store, ups, downs)])
