"""How much of what is accounted carries a value, read by templates over the rollout's two relations.

One transaction that only reads, bounded in time; numbers of all queries are of the same moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import psycopg
from psycopg import sql

from harness.database.relations import Relations
from harness.database.runners import connect
from harness.errors import UnavailableError, UsageError
from harness.report.escape import masked
from harness.rollout import Rollout
from harness.rollout.identities import header_identity
from harness.rule.policy import JS_TRIM

STATEMENT_S_MAX: Final = 60
LISTED_MAX: Final = 20
"""The busiest of each list."""


@dataclass(frozen=True, slots=True)
class Day:
    """Requests of one day (UTC); the first may be cut short by the window."""

    day: date
    requests: int
    with_id: int

    @property
    def percent(self) -> float:
        """Share with an id; a day has requests."""
        return 100.0 * self.with_id / self.requests


@dataclass(frozen=True, slots=True)
class Linked:
    """A user with one of his values; None where the rollout knows no users."""

    user: str | None
    value: str
    requests: int


@dataclass(frozen=True, slots=True)
class Shared:
    """A value with the number of its users, or a user with the number of his values."""

    name: str
    count: int
    requests: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the queries say of the last days."""

    days: int
    identity: str
    """Whose requests are counted, by the name in the rollout's file; empty: everybody's."""
    has_users: bool
    kept_max: int | None
    """How many characters of a value the service that reads them keeps; None where that is not known."""
    by_day: tuple[Day, ...]
    top: tuple[Linked, ...]
    ids: int
    shared_ids: int
    """Values that came from more than one user."""
    users: int
    crowded_users: int
    """Users that had more than one value."""
    shared: tuple[Shared, ...]
    crowds: tuple[Shared, ...]
    silent_users: int
    silent_requests: int
    """Of users from whom no value came."""
    nobodys_ids: int
    nobodys_requests: int
    """Of values that the service which reads them takes for nobody's."""
    cut_ids: int
    cut_requests: int
    """Of values that are longer than what that service keeps of one."""

    @property
    def requests(self) -> int:
        """Requests of those who are counted."""
        return sum(day.requests for day in self.by_day)

    @property
    def with_id(self) -> int:
        """Those that carry a value."""
        return sum(day.with_id for day in self.by_day)

    @property
    def percent(self) -> float | None:
        """Share with an id; None where there were no requests: there is nothing to divide by."""
        return 100.0 * self.with_id / self.requests if self.requests else None

    @property
    def reachable_percent(self) -> float | None:
        """The share that there would be if every user that ever sent one always did."""
        return 100.0 * (self.requests - self.silent_requests) / self.requests if self.requests else None


def read_coverage(dsn: str, days: int, rollout: Rollout) -> Coverage:
    """The coverage of the last days, with the busiest of each list.

    Raises UnavailableError when the database cannot be asked, or takes longer than a minute for one query, UsageError
    for a DSN that cannot be read, and where the rollout does not say when a row was written.
    """
    store = rollout.tables.store
    if not (store.main.created_at or (store.detail and store.detail.created_at)):
        raise UsageError(
            f"rollout {rollout.name}: neither store.main nor store.detail has a created_at to count days by: name it"
        )
    try:
        with connect(dsn) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                return _read(connection, rollout, days)
    except psycopg.errors.QueryCanceled:
        raise UnavailableError(
            f"the coverage of {days} days took longer than {STATEMENT_S_MAX} s a query; ask for fewer --days"
        ) from None
    except (psycopg.Error, OSError) as error:
        reason = masked(" ".join(str(error).split()))
        raise UnavailableError(
            f"cannot read the coverage: {reason}; check --database-url, and that the column is there"
        ) from None


def _read(connection: psycopg.Connection[Any], rollout: Rollout, days: int) -> Coverage:
    limit = sql.SQL("SET LOCAL statement_timeout = {}").format(STATEMENT_S_MAX * 1000)
    connection.execute(limit)
    connection.execute("SET LOCAL TimeZone = 'UTC'")

    consumer = rollout.tables.consumer
    nobody = [quote + value + quote for quote in ("", "'", '"') for value in consumer.refuses]
    values: dict[str, Any] = {"days": days, "most": LISTED_MAX, "kept": consumer.take, "blanks": JS_TRIM}
    values["nobody"] = ["", *nobody] if nobody else []
    relations = Relations(rollout)

    def rows_of(name: str) -> Sequence[tuple[Any, ...]]:
        return connection.execute(relations.filled(name), values).fetchall()

    ((ids, shared_ids, users, crowded_users),) = rows_of("coverage_links")
    ((silent_users, silent_requests),) = rows_of("coverage_reach")
    ((nobodys_ids, nobodys_requests, cut_ids, cut_requests),) = rows_of("coverage_nobody")
    return Coverage(
        days=days,
        identity=header_identity(rollout.tables),
        kept_max=consumer.take,
        has_users=rollout.tables.store.main.user is not None,
        by_day=tuple(Day(*row) for row in rows_of("coverage")),
        top=tuple(Linked(*row) for row in rows_of("coverage_users")),
        ids=ids,
        shared_ids=shared_ids,
        users=users,
        crowded_users=crowded_users,
        shared=tuple(Shared(*row) for row in rows_of("coverage_shared")),
        crowds=tuple(Shared(*row) for row in rows_of("coverage_crowds")),
        silent_users=silent_users,
        silent_requests=silent_requests,
        nobodys_ids=nobodys_ids,
        nobodys_requests=nobodys_requests,
        cut_ids=cut_ids,
        cut_requests=cut_requests,
    )
