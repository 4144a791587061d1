"""What `harness check` does: the real files of two checkouts, each judged before anything is deployed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace as with_changes

from harness.checkout.drizzle_schema import declared_table
from harness.checkout.files import Located, check_folder, locate
from harness.checkout.migrated import index_form, journal_faults, live_lines, migrate_folder
from harness.checkout.way import follow_backend
from harness.checks.checkout import STOPS, judge_migrations, judge_schema_file, judge_way
from harness.checks.checkout_claims import BACKEND, CLIENT, INSERT, MIGRATIONS, ROUTE, SCHEMA, claims_of
from harness.checks.lint_builds import is_concurrent
from harness.database.drizzle_folder import Folder
from harness.database.server import Server, running_server
from harness.errors import UsageError
from harness.report.document import Report
from harness.rollout import Rollout, load_rollout
from harness.run.check_client import check_built, check_client, check_options, placed
from harness.run.lint import lint_folder
from harness.run.options.check import CheckOptions
from harness.run.progress import LineCallback, ProgressDisplay, silent
from harness.run.report import Begun, run_report
from harness.verdict import Results

NOT_JUDGED: Final = (
    "not judged here: which values the handler stores when it runs, so a wrong rule is not seen; "
    "harness gate judges that on a deployed backend"
)


def check(options: CheckOptions, on_line: LineCallback, progress: ProgressDisplay = silent) -> Report:
    """Judges the files of the plan in the checkouts that are named, and returns the report.

    Raises UsageError where no checkout is named, or one is no folder.
    """
    begun = Begun.now()
    folders = {BACKEND: options.backend, CLIENT: options.extension}
    checkouts = {name: folder for name, folder in folders.items() if folder is not None}
    if not checkouts:
        raise UsageError("nothing to look at; give --backend, --extension, or both, each with a checkout")
    for side, folder in checkouts.items():
        check_folder(folder, f"--{side}")
    rollout = load_rollout(options.rollout)
    results = Results(claims_of(tuple(checkouts), rollout.tables))
    remarks: list[str] = []
    places: Mapping[str, str] = {}
    name = "none"
    if options.backend is not None:
        checkout = options.backend.resolve()
        with progress("the value's way through the backend's files"):
            remarks += check_backend(results, rollout, checkout)
        with (
            progress("the migrations, on databases of their own"),
            running_server(options.postgres) as server,
        ):
            remarks += check_migrations(results, rollout, checkout, server, options.database_url)
            name = f"Postgres {server.version} ({server.kind})"
        remarks.append(NOT_JUDGED)
    if options.extension is not None:
        with progress("the extension's files under Node"):
            places = check_client(results, rollout, options.extension.resolve())
            check_options(results, rollout, options.extension.resolve())
            check_built(results, rollout, options.extension.resolve())
    for remark in remarks:
        on_line(remark)
    judgements = tuple(placed(judgement, places) for judgement in results.judgements())
    return with_changes(
        run_report(
            "check",
            begun,
            judgements,
            command=options.command,
            server=name,
            scope=tuple(checkouts),
            level="smoke",
        ),
        subject=rollout.header.name,
        target=", ".join(map(str, checkouts.values())),
        remarks=tuple(remarks),
    )


def check_backend(results: Results, rollout: Rollout, checkout: Path) -> list[str]:
    """Judges the backend's files; returns remarks. Raises UsageError where the rollout names no files."""
    files = rollout.tables.backend.files
    schema = locate(checkout, files["schema"]) if "schema" in files else None
    if schema is None or schema.path is None:
        results.inconclusive(SCHEMA, "the rollout names none" if schema is None else schema.why)
    else:
        named = (rollout.tables.store.detail or rollout.tables.store.main).column or ""
        declared = declared_table(checkout, schema.path, files["schema"].symbol, named)
        if declared.where:
            judge_schema_file(results, declared)
        else:
            name = schema.path.relative_to(checkout).as_posix()
            results.inconclusive(SCHEMA, f"{name}: no table {files['schema'].symbol} is seen in it")
    if "route" not in files:
        raise UsageError(
            f"{rollout.folders[0]}: no backend.files.route; name the handler's file in rollout.toml"
        )
    route = locate(checkout, files["route"])
    if route.path is None:
        for claim in (ROUTE, INSERT):
            results.inconclusive(claim, f"{route.why}; name the file in backend.files.route of the rollout")
        return []
    store, detail = rollout.tables.store.main, rollout.tables.store.detail
    table, column = (detail.table, detail.column) if detail else (store.table, store.column)
    way = follow_backend(
        checkout, route.path, files["route"].symbol, rollout.header.name, table or "", column or ""
    )
    judge_way(results, way)
    return list(_moved(checkout, route))


def _moved(checkout: Path, *files: Located) -> list[str]:
    return [
        f"{file.role.glob} was moved: judged is {file.path.relative_to(checkout).as_posix()}"
        for file in files
        if file.was_moved and file.path is not None
    ]


def check_migrations(
    results: Results, rollout: Rollout, checkout: Path, server: Server, database_url: str | None
) -> list[str]:
    """Judges the migrations folder; returns remarks."""
    role = rollout.tables.backend.files.get("migrations")
    journal = None if role is None else locate(checkout, role)
    if journal is None or journal.path is None:
        why = "the rollout names none" if journal is None else journal.why
        results.inconclusive(MIGRATIONS, f"no journal of migrations: {why}")
        return []
    folder = journal.path.parent.parent
    linted = lint_folder(folder)
    ours = frozenset(file.name for file in linted.files.ours)
    journalled = {f"{entry.tag}.sql" for entry in Folder.read(folder).journal}
    by_hand = frozenset(
        name
        for name, sections in linted.files.sections.items()
        if name not in journalled and all(is_concurrent(part) for each in sections for part in each.parts)
    )
    outcomes = migrate_folder(server, folder, ours)
    faults = journal_faults(folder, ours)
    judge_migrations(results, folder.relative_to(checkout).as_posix(), outcomes, linted, faults, by_hand)
    remarks = [lint.describe() for lint in linted.faults if lint.rule not in STOPS]
    if all(outcome.has_column for outcome in outcomes):
        remarks.append(index_form(folder, ours, is_made=all(outcome.index is None for outcome in outcomes)))
    if database_url is not None:
        remarks += live_lines(database_url, folder)
    return [*remarks, *_moved(checkout, journal)]
