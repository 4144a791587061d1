"""What becomes of a finished report: files in every format that was asked for, and the summary of a CI job."""

import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

from harness import plan
from harness.data import rollout_folders, rule_path, sql_path
from harness.errors import UnavailableError
from harness.report.diff import ReportDiff
from harness.report.document import Input, JudgedBy, Report, harness_version, to_json
from harness.report.junit import to_junit
from harness.report.markdown import to_markdown
from harness.rollout import Rollout
from harness.rollout.digest import rollout_files
from harness.rule.policy import STRICT
from harness.run.options.shared import SUMMARY_VARIABLE as SUMMARY_VARIABLE
from harness.run.options.shared import Renderings
from harness.verdict import Judgement, decide


class Begun(NamedTuple):
    """When a run began: by the wall clock for who reads it, by the monotonic clock for how long it took."""

    at: datetime
    clock_s: float

    @classmethod
    def now(cls) -> Self:
        """This moment."""
        return cls(datetime.now(UTC), time.monotonic())


def run_report(
    judged_by: str,
    begun: Begun,
    judgements: Sequence[Judgement],
    *,
    command: str,
    server: str = "",
    policy: str = STRICT.name,
    scope: tuple[str, ...] = (),
    seed: int = 0,
    level: str = "",
    extra_states: int = 0,
) -> Report:
    """What the report of every run has. `judged_by` and `scope` name the command and the parts of it that judged."""
    judgements = tuple(judgements)
    return Report(
        harness=harness_version(),
        verdict=decide(judgements),
        subject=plan.HEADER,
        command=command,
        seed=seed,
        level=level,
        extra_states=extra_states,
        policy=policy,
        server=server,
        started=begun.at.isoformat(timespec="seconds"),
        seconds=time.monotonic() - begun.clock_s,
        judgements=judgements,
        judged_by=JudgedBy.of(judged_by, scope, judgements),
    )


def publish(report: Report, outputs: Renderings, summary: str | None = None) -> None:
    """Writes each file, and appends Markdown to the file `summary` where a CI job has one.

    Raises UnavailableError when a file cannot be written after all.
    """
    try:
        if outputs.json is not None:
            outputs.json.write_text(to_json(report), encoding="utf-8")
        if outputs.junit is not None:
            outputs.junit.write_bytes(to_junit(report))
        if outputs.markdown is not None:
            outputs.markdown.write_text(to_markdown(report), encoding="utf-8")
        if outputs.html is not None:
            # Here and below: the page's templates are for whoever asks for a page.
            from harness.report.html import to_html

            outputs.html.write_text(to_html(report), encoding="utf-8")
        if summary:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(to_markdown(report))
    except OSError as error:
        raise UnavailableError(
            f"cannot write a report of the verdict {report.verdict}: {error}; make room, or name another file"
        ) from None


def publish_diff(old: Report, new: Report, diff: ReportDiff, file: Path) -> None:
    """Writes what differs as a page. Raises UnavailableError when it cannot be written after all."""
    from harness.report.html import to_diff_html

    try:
        file.write_text(to_diff_html(old, new, diff), encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"cannot write {file}: {error}; make room, or name another file") from None


def inputs(policy: str) -> tuple[Input, ...]:
    """Every file that a verdict depends on beside the code: all SQL, and the rule as JavaScript."""
    files = [file for folder in (sql_path(""), *rollout_folders()) for file in folder.rglob("*.sql")]
    root = sql_path("").parent
    named = {file.relative_to(root).as_posix(): file for file in (*files, rule_path(policy))}
    return tuple(Input(name, hashlib.sha256(named[name].read_bytes()).hexdigest()) for name in sorted(named))


def inputs_of(rollout: Rollout) -> tuple[Input, ...]:
    """Every file of a rollout, and the harness's own SQL, by a name with the rollout's before it."""
    own = {f"{rollout.name}/{name}": file for name, file in rollout_files(rollout)}
    root = sql_path("").parent
    named = own | {file.relative_to(root).as_posix(): file for file in sql_path("").rglob("*.sql")}
    return tuple(Input(name, hashlib.sha256(named[name].read_bytes()).hexdigest()) for name in sorted(named))
