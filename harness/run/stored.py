"""Reading a stored report: what it says must follow from what it holds, or it is not shown."""

import shlex
import sys
from itertools import pairwise
from pathlib import Path
from typing import Final

from harness import plan
from harness.errors import UsageError
from harness.report.check import faults
from harness.report.document import Report, from_json
from harness.rule.suite import Level
from harness.run import gate, prove, rehearse
from harness.run.gate_options import NEVER_WAIVED
from harness.run.options.rehearse import Part, RehearseOptions
from harness.run.rehearse import JUDGED

SINCE_THE_FIRST: Final = ("R3",)
"""Claims that reports which lack the list of their claims were not judged by."""


def read_report(file: Path) -> Report:
    """The report that is stored in a file, or comes on standard input for `-`.

    Raises UsageError when there is none, or when it does not hold together.
    """
    try:
        text = sys.stdin.buffer.read().decode() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {error}; name a file that --json has written") from None
    return read_text(text, "standard input" if str(file) == "-" else str(file))


def read_text(text: str, name: str) -> Report:
    """The same from a text; `name` is where it comes from. Raises UsageError."""
    try:
        report = from_json(text)
        required = required_of(report)
    except UsageError as error:
        raise UsageError(f"cannot render {name}: {error}") from None
    found = faults(report, required, NEVER_WAIVED if _of(report)[0] == "gate" else ())
    if found:
        raise UsageError(
            f"cannot render {name}: it was changed since, or is not whole: {'; '.join(found)}; run it again"
        )
    return report


def required_of(report: Report) -> tuple[str, ...]:
    """Ids of the claims that its command, scope and level require. Raises UsageError for an unknown command."""
    command, scope = _of(report)
    try:
        if command == "prove":
            claims = prove.claims_of(Level(report.level))
        elif command == "gate":
            claims = gate.claims_of("before" if "before" in scope else "after")
        elif command == "rehearse":
            parts = frozenset(Part(word) for word in scope if word != JUDGED)
            claims = rehearse.claims_of(
                RehearseOptions(parts=parts, max_stall_ms=1.0 if JUDGED in scope else None)
            )
        elif command == "selftest":
            claims = plan.SELFTEST_CLAIMS
        else:
            raise UsageError(f"it is of the command {command!r}, which judges nothing")
    except ValueError as error:
        raise UsageError(f"it was judged by what is not known here: {error}") from None
    sentences = [claim.id for claim, _, _ in plan.MIGRATION_AUDIT]  # they are told apart from the claims
    ids = tuple(claim.id for claim in claims if claim.id not in sentences)
    return ids if report.judged_by else tuple(each for each in ids if each not in SINCE_THE_FIRST)


def _of(report: Report) -> tuple[str, tuple[str, ...]]:
    """Command and scope; of a report without its list by its command line."""
    if report.judged_by is not None:
        return report.judged_by.command, report.judged_by.scope
    try:
        words = shlex.split(report.command)
    except ValueError:
        words = report.command.split()
    command = words[1] if len(words) > 1 else ""
    values = [part for word in words for part in word.split("=", 1)]
    given = [value for option, value in pairwise(values) if option in ("--build", "--part")]
    if command == "rehearse":
        return command, (*(given or map(str, Part)), *([JUDGED] if "--max-stall-ms" in values else []))
    return command, tuple(given)
