"""What `harness schema` does: a database against what the plan declares, and migration files against known faults."""

from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from harness.checks.lint_model import Lint
from harness.database.declared import declared_store
from harness.database.drift import Drift, drift, remarks
from harness.database.drizzle import recorded
from harness.database.effects.survey import database_effects
from harness.database.evaluation import reading
from harness.database.runners import connect
from harness.database.server import where
from harness.errors import UnavailableError, UsageError
from harness.rollout import load_rollout
from harness.rule.accepted_values import stored_samples
from harness.run.lint import lint_folder
from harness.run.options.schema import SchemaOptions


class SchemaDocument(Struct, frozen=True, kw_only=True, tag_field="format", tag="harness.schema/1"):
    """What a database and a folder of migration files differ in from what the plan declares."""

    database: str | None
    """Host, port and name of the database that was looked at; null where none was."""
    migrations: str | None
    """The folder that was looked at; null where none was."""
    declared: str
    """By what the database is judged, and what of it was looked at."""
    differences: tuple[Drift, ...] = ()
    """What differs in the database, in the order of mending."""
    remarks: tuple[str, ...] = ()
    """What is in the database beside the plan, and harms no value."""
    looked_at: str = ""
    """The files of the rollout, in one line."""
    faults: tuple[Lint, ...] = ()
    """Of the files, by file and line."""
    file_remarks: tuple[str, ...] = ()
    """What is to be said of the files that is no fault."""
    not_judged: tuple[Lint, ...] = ()
    """Places of the files on which no verdict was reached."""

    @property
    def count(self) -> int:
        """How many differences and faults there are; a remark is neither."""
        return len(self.differences) + len(self.faults)


def check_schema(options: SchemaOptions, report: Callable[[str], None]) -> int:
    """Reports a line for each difference and each fault, and returns how many there are; a remark is neither.

    Raises UsageError when there is nothing to look at, UnavailableError when it cannot be read, or
    cannot be judged and there is nothing else to say.
    """
    found = examine_schema(options)
    for line in describe_schema(found):
        report(line)
    check_judged(found)
    return found.count


def examine_schema(options: SchemaOptions) -> SchemaDocument:
    """Looks at the database, at the files, or at both.

    Raises UsageError when there is nothing to look at, UnavailableError when it cannot be read.
    """
    dsn, migrations = options.database_url, options.migrations
    if dsn is None and migrations is None:
        raise UsageError("nothing to look at; give --database-url, --migrations, or both")
    store = declared_store(load_rollout(options.rollout))
    main = store.main
    others = f", and at those of {main.table} for {main.user}" if main.user and store.users else ""
    found = SchemaDocument(
        declared=f"rollout {store.rollout.name} declares of {store.table}; looked at its columns, indexes, "
        f"constraints, triggers, rules, policies and partitions{others}",
        database=None if dsn is None else where(dsn),
        migrations=None if migrations is None else str(migrations),
    )
    recorded_times: list[int] | None = None
    if dsn is not None:
        with connect(dsn) as connection, reading(connection):
            effects = database_effects(connection, stored_samples(store.rollout), store)
            found = replace(found, differences=drift(connection, effects, store), remarks=remarks(effects))
            recorded_times = [when for _, when in recorded(connection)]
    if migrations is not None:
        linted = lint_folder(migrations, recorded_times, store)
        found = replace(
            found,
            looked_at=linted.files.describe(),
            faults=linted.faults,
            not_judged=linted.not_judged,
            file_remarks=linted.remarks,
        )
    return found


def describe_schema(found: SchemaDocument) -> Iterator[str]:
    """A line for each difference, fault and remark, and what was looked at."""
    yield from (difference.line for difference in found.differences)
    yield from (f"no difference: {remark}" for remark in found.remarks)
    if found.database is not None:
        yield (
            f"{found.database}: {_counted(len(found.differences), 'difference')} from what {found.declared}"
        )
    if found.migrations is not None:
        yield from (fault.describe() for fault in (*found.faults, *found.not_judged))
        yield from (f"no fault: {remark}" for remark in found.file_remarks)
        yield f"{found.migrations}: {found.looked_at}"
        yield f"{found.migrations}: {_counted(len(found.faults), 'fault')} in the files of this rollout{_left(found)}"


def check_judged(found: SchemaDocument) -> None:
    """Raises UnavailableError where something was not judged and there is nothing else to say."""
    if found.not_judged and not found.count:
        first = found.not_judged[0]
        raise UnavailableError(
            f"no verdict on {found.migrations}: what is at {first.file}:{first.line} was not judged{_left(found)}; "
            "mend what is said above"
        )


def _left(found: SchemaDocument) -> str:
    return f"; {_counted(len(found.not_judged), 'place')} not judged" if found.not_judged else ""


def _counted(count: int, thing: str) -> str:
    return f"{count or 'no'} {thing}{'' if count == 1 else 's'}"
