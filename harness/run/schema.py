"""What `harness schema` does: a database against what the plan declares, and migration files against known faults."""

from collections.abc import Callable

from harness import plan
from harness.database.drift import drift, remarks
from harness.database.drizzle import recorded
from harness.database.effects.survey import USER_COLUMN, database_effects
from harness.database.evaluation import reading
from harness.database.runners import connect
from harness.database.server import where
from harness.errors import UnavailableError, UsageError
from harness.rule.shapes import STORED_VALUES
from harness.run.lint import lint_folder
from harness.run.options.schema import SchemaOptions


def check_schema(options: SchemaOptions, report: Callable[[str], None]) -> int:
    """Reports a line for each difference and each fault, and returns how many there are; a remark is neither.

    Raises UsageError when there is nothing to look at, UnavailableError when it cannot be read, or
    cannot be judged and there is nothing else to say.
    """
    dsn, migrations = options.database_url, options.migrations
    if dsn is None and migrations is None:
        raise UsageError("nothing to look at; give --database-url, --migrations, or both")
    count = 0
    recorded_times: list[int] | None = None
    if dsn is not None:
        with connect(dsn) as connection, reading(connection):
            effects = database_effects(connection, STORED_VALUES)
            differences = drift(connection, effects)
            recorded_times = [when for _, when in recorded(connection)]
        for difference in differences:
            report(difference.line)
        for remark in remarks(effects):
            report(f"no difference: {remark}")
        report(
            f"{where(dsn)}: {_counted(len(differences), 'difference')} from what schema.ts declares of "
            f"{plan.METADATA_TABLE}; looked at its columns, indexes, constraints, triggers, rules, policies and "
            f"partitions, and at those of {plan.USAGE_TABLE} for {USER_COLUMN}"
        )
        count += len(differences)
    if migrations is not None:
        linted = lint_folder(migrations, recorded_times)
        for fault in (*linted.faults, *linted.not_judged):
            report(fault.describe())
        for remark in linted.remarks:
            report(f"no fault: {remark}")
        report(f"{migrations}: {linted.files.describe()}")
        left = f"; {_counted(len(linted.not_judged), 'place')} not judged" if linted.not_judged else ""
        report(f"{migrations}: {_counted(len(linted.faults), 'fault')} in the files of this rollout{left}")
        count += len(linted.faults)
        if linted.not_judged and not count:
            first = linted.not_judged[0]
            raise UnavailableError(
                f"no verdict on {migrations}: what is at {first.file}:{first.line} was not judged{left}; "
                "mend what is said above"
            )
    return count


def _counted(count: int, thing: str) -> str:
    return f"{count or 'no'} {thing}{'' if count == 1 else 's'}"
