"""What `harness check` does: the real files of two checkouts, each judged before anything is deployed."""

import time
from datetime import UTC, datetime
from pathlib import Path

from harness.checkout.files import Located, check_folder, locate
from harness.checkout.way import follow_backend
from harness.checks.checkout import judge_way
from harness.checks.checkout_claims import BACKEND, INSERT, ROUTE, claims_of
from harness.errors import UsageError
from harness.report.document import JudgedBy, Report, harness_version
from harness.rollout import Rollout, load_rollout
from harness.run.options.check import CheckOptions
from harness.run.progress import LineCallback, ProgressDisplay, silent
from harness.verdict import Results, decide


def check(options: CheckOptions, on_line: LineCallback, progress: ProgressDisplay = silent) -> Report:
    """Judges the files of the plan in the checkouts that are named, and returns the report.

    Raises UsageError where no checkout is named, or one is no folder.
    """
    started = time.monotonic()
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    if options.backend is None:
        raise UsageError("nothing to look at; give --backend with a checkout")
    check_folder(options.backend, "--backend")
    rollout = load_rollout(options.rollout)
    scope = (BACKEND,)
    results = Results(claims_of(scope, rollout.tables))
    remarks: list[str] = []
    with progress("the backend's files"):
        remarks += check_backend(results, rollout, options.backend.resolve())
    for remark in remarks:
        on_line(remark)
    judgements = results.judgements()
    return Report(
        harness=harness_version(),
        verdict=decide(judgements),
        subject=rollout.header.name,
        target=", ".join(str(path) for path in (options.backend,)),
        command=options.command,
        seed=0,
        level="smoke",
        policy="strict",
        server="none",
        started=stamp,
        seconds=time.monotonic() - started,
        judgements=judgements,
        judged_by=JudgedBy.of("check", scope, judgements),
        remarks=tuple(remarks),
    )


def check_backend(results: Results, rollout: Rollout, checkout: Path) -> list[str]:
    """Judges the backend's files; returns remarks. Raises UsageError where the rollout names no files."""
    files = rollout.tables.backend.files
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
