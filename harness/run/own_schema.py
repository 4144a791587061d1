"""The schema that a migration of one's own finds, and the statistics of its rows: of files or of a live database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from harness.checks.lint_statements import statements
from harness.database.dsn import dsn_fault
from harness.database.server import where
from harness.errors import UnavailableError, UsageError
from harness.rehearsal.own.live_schema import live_schema
from harness.rehearsal.own.schema import dumped_from, plain_sql
from harness.rehearsal.own.statistics import NO_STATISTICS, Statistics, dumped_statistics, live_statistics
from harness.rehearsal.own.values import quoted
from harness.run.options.rehearse import OwnOptions
from harness.sut.foreign_rows import DatabaseUnavailableError
from harness.sut.read_only import read_only

STATEMENT_S_MAX: Final = 60
_SCHEMES: Final = ("postgresql://", "postgres://")
NEWER: Final = "embedded:18"


def schema_text(own: OwnOptions, *, session_pooler: bool) -> tuple[str, tuple[str, ...]]:
    """What pg_dump writes, or has written; and the schemas where a name is looked for, none where that is not known.

    Raises UsageError for a file that cannot be read, UnavailableError where the live schema cannot be read.
    """
    if own.schema is None:
        assert own.database_url is not None, "the options were checked"
        return live_schema(own.database_url, session_pooler=session_pooler)
    text = _text(own.schema)
    if text.startswith("PGDMP"):
        raise UsageError(
            f"{own.schema} is in pg_dump's own format; write it plain: pg_dump --schema-only --format=plain"
        )
    return text, ()


def with_search_path(dsn: str, schemas: Sequence[str]) -> str:
    """The DSN whose sessions look for a name in these schemas; as it is without any."""
    if not schemas:
        return dsn
    names = ",".join(quoted(schema) for schema in schemas).replace("\\", "\\\\").replace(" ", "\\ ")
    before = conninfo_to_dict(dsn).get("options", "")
    return make_conninfo(dsn, options=f"{before} -c search_path={names}".strip())


def schema_statements(text: str) -> tuple[str, ...]:
    """Each statement of a dump."""
    return tuple(part.whole for part in statements(plain_sql(text)))


def statistics_of(given: str | None) -> Statistics:
    """Those of a live database or of a file; none where neither is given.

    Raises UsageError for a file without any, UnavailableError where the database cannot be asked.
    """
    if given is None:
        return NO_STATISTICS
    if given.startswith(_SCHEMES) or (not Path(given).exists() and "=" in given):
        if fault := dsn_fault(given):
            raise UsageError(f"the DSN of --statistics cannot be read: {fault}")
        try:
            with read_only(given, STATEMENT_S_MAX) as connection:
                return live_statistics(connection)
        except DatabaseUnavailableError as error:
            raise UnavailableError(f"no statistics of {where(given)}: {error}") from None
    try:
        return dumped_statistics(_text(Path(given)))
    except ValueError as error:
        raise UsageError(
            f"{given} has no statistics: {error}; name a file of pg_dump --statistics-only, version 18, or a DSN"
        ) from None


def suited_server(choice: str, text: str) -> str:
    """The embedded version that a dump needs: the newer one where it is of a server newer than the default's."""
    return NEWER if choice == "embedded" and dumped_from(text) > 16 else choice


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}; name a file that is there") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8; write it by pg_dump --encoding=UTF8 --format=plain") from None
