"""What `harness schema` does: a database against what the plan declares, and migration files against known faults."""

from collections.abc import Callable
from pathlib import Path

from harness import plan
from harness.checks.lint import lint
from harness.database.drift import drift, remarks
from harness.database.drizzle import recorded
from harness.database.effects.survey import USER_COLUMN, database_effects
from harness.database.evaluation import reading
from harness.database.runners import connect
from harness.database.server import where
from harness.errors import UsageError
from harness.rule.shapes import STORED_VALUES


def check_schema(dsn: str | None, migrations: Path | None, say: Callable[[str], None]) -> int:
    """Says a line for each difference and each fault, and returns how many there are; a remark is neither.

    Raises UsageError when there is nothing to look at, UnavailableError when it cannot be read.
    """
    if dsn is None and migrations is None:
        raise UsageError("nothing to look at; give --database-url, --migrations, or both")
    count = 0
    recorded_times: list[int] | None = None
    if dsn is not None:
        with connect(dsn) as connection, reading(connection):
            effects = database_effects(connection, STORED_VALUES)
            found = drift(connection, effects)
            recorded_times = [when for _, when in recorded(connection)]
        for one in found:
            say(one.line)
        for remark in remarks(effects):
            say(f"no difference: {remark}")
        say(
            f"{where(dsn)}: {_told(len(found), 'difference')} from what schema.ts declares of {plan.METADATA_TABLE}; "
            f"looked at its columns, indexes, constraints, triggers, rules, policies and partitions, and at those of "
            f"{plan.USAGE_TABLE} for {USER_COLUMN}"
        )
        count += len(found)
    if migrations is not None:
        linted = lint(migrations, recorded_times)
        for fault in linted.faults:
            say(fault.words)
        say(f"{migrations}: {linted.words}")
        say(f"{migrations}: {_told(len(linted.faults), 'fault')} in the files of this rollout")
        count += len(linted.faults)
    return count


def _told(count: int, thing: str) -> str:
    return f"{count or 'no'} {thing}{'' if count == 1 else 's'}"
