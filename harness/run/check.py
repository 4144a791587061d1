"""What `harness check` does: the real files of two checkouts, each judged before anything is deployed."""

from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace as with_changes

from harness.checkout.files import check_folder
from harness.checks.checkout_claims import BACKEND, CLIENT, claims_of
from harness.database.server import running_server
from harness.errors import UsageError
from harness.report.document import Report
from harness.rollout import load_rollout
from harness.run.check_backend import check_backend, check_migrations, check_schema_against
from harness.run.check_handler import check_handler, check_way, not_replayed
from harness.run.check_prepare import prepared_or_why
from harness.run.options.check import CheckOptions
from harness.run.progress import LineCallback, ProgressDisplay, silent
from harness.run.report import Begun, run_report
from harness.verdict import Results


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
    name = "none"
    if options.backend is not None:
        checkout = options.backend.resolve()
        with progress("what the files are run with, fetched once"):
            remarks += [why] if (why := prepared_or_why()) else []
        with (
            running_server(options.postgres) as server,
            server.database() as empty,
            ThreadPoolExecutor(1) as pool,
        ):
            with progress("the value's way by a parser; the migrations, on databases of their own"):
                # The migrations wait for the server, so the parser goes on meanwhile; each judges claims of its own.
                applied = pool.submit(
                    check_migrations, results, rollout, checkout, server, empty, options.database_url
                )
                judged = check_backend(results, rollout, checkout)
                made = applied.result()
            remarks += judged.remarks
            remarks += [*made.remarks, *check_schema_against(results, rollout, judged.schema, made)]
            with progress("the handler under Node, its statements on a database of its own"):
                handler = check_handler(results, rollout, judged, made, server)
                check_way(results, judged, handler)
                remarks += handler.remarks
            name = f"Postgres {server.version} ({server.kind})"
    if options.extension is not None:
        # Here, because most look at one checkout at a time.
        from harness.run.check_client import check_built, check_client, check_options, placed

        with progress("the extension's files under Node"):
            places = check_client(results, rollout, options.extension.resolve())
            check_options(results, rollout, options.extension.resolve())
            check_built(results, rollout, options.extension.resolve())
        judgements = tuple(placed(judgement, places) for judgement in results.judgements())
    else:
        judgements = results.judgements()
    for remark in remarks:
        on_line(remark)
    return with_changes(
        run_report(
            "check",
            begun,
            tuple(map(not_replayed, judgements)),
            command=options.command,
            server=name,
            scope=tuple(checkouts),
            level="smoke",
        ),
        subject=rollout.header.name,
        target=", ".join(map(str, checkouts.values())),
        remarks=tuple(remarks),
    )
