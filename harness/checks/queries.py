"""How much of anonymous usage carries an id, read by the plan's validation queries and what they leave open.

One transaction that only reads, bounded in time; numbers of all queries are of the same moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.clients.persons import ID_LENGTH_MAX, NOBODY_WRITTEN
from harness.data import sql_text
from harness.database.dsn import CONNECT_S_MAX
from harness.errors import UnavailableError
from harness.report.escape import masked
from harness.rule.policy import JS_TRIM

STATEMENT_S_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Day:
    """Requests of anonymous users on one day (UTC); the first may be cut short by the window."""

    day: date
    requests: int
    with_id: int

    @property
    def percent(self) -> float:
        """Share with an id; a day has requests."""
        return 100.0 * self.with_id / self.requests


@dataclass(frozen=True, slots=True)
class Linked:
    """An anonymous user with one of his ids."""

    user: str
    value: str
    requests: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class Shared:
    """An id with the number of its addresses, or an address with the number of its ids."""

    name: str
    count: int
    requests: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the queries say of the last days."""

    days: int
    by_day: tuple[Day, ...]
    top: tuple[Linked, ...]
    ids: int
    shared_ids: int
    """Ids that came from more than one address."""
    users: int
    crowded_users: int
    """Addresses that had more than one id."""
    shared: tuple[Shared, ...]
    crowds: tuple[Shared, ...]
    silent_users: int
    silent_requests: int
    """Of addresses from which no id came."""
    nobodys_ids: int
    nobodys_requests: int
    """Of ids that PostHog takes for no person's."""
    cut_ids: int
    cut_requests: int
    """Of ids that are longer than what PostHog keeps of one."""

    @property
    def requests(self) -> int:
        """Requests of anonymous users."""
        return sum(day.requests for day in self.by_day)

    @property
    def with_id(self) -> int:
        """Those that carry an id."""
        return sum(day.with_id for day in self.by_day)

    @property
    def percent(self) -> float | None:
        """Share with an id; None where there were no requests: there is nothing to divide by."""
        return 100.0 * self.with_id / self.requests if self.requests else None

    @property
    def reachable_percent(self) -> float | None:
        """The share that there would be if every address that ever sent an id always did."""
        return 100.0 * (self.requests - self.silent_requests) / self.requests if self.requests else None


def read_coverage(dsn: str, days: int, most: int = 20) -> Coverage:
    """The coverage of the last days, with so many of the busiest of each list.

    Raises UnavailableError when the database cannot be asked, or takes longer than a minute for one query.
    """
    try:
        with psycopg.connect(dsn, connect_timeout=CONNECT_S_MAX, prepare_threshold=None) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            return _read(connection, days, most)
    except psycopg.errors.QueryCanceled:
        raise UnavailableError(
            f"the coverage of {days} days took longer than {STATEMENT_S_MAX} s a query; ask for fewer --days"
        ) from None
    except (psycopg.Error, OSError) as error:
        reason = masked(" ".join(str(error).split()))
        raise UnavailableError(
            f"cannot read the coverage: {reason}; check --database-url, and that the column is there"
        ) from None


def _read(connection: psycopg.Connection[Any], days: int, most: int) -> Coverage:
    limit = sql.SQL("SET LOCAL statement_timeout = {}").format(STATEMENT_S_MAX * 1000)
    connection.execute(limit)
    connection.execute("SET LOCAL TimeZone = 'UTC'")

    values: dict[str, Any] = {"days": days, "most": most, "anonymous": f"{plan.ANONYMOUS_PREFIX}%"}

    values |= {"kept": ID_LENGTH_MAX, "blanks": JS_TRIM, "nobody": list(NOBODY_WRITTEN)}

    def ask(name: str) -> Sequence[tuple[Any, ...]]:
        text = sql_text(f"queries/{name}.sql").encode()
        return connection.execute(text, values).fetchall()

    ((ids, shared_ids, users, crowded_users),) = ask("coverage_links")
    ((silent_users, silent_requests),) = ask("coverage_reach")
    ((nobodys_ids, nobodys_requests, cut_ids, cut_requests),) = ask("coverage_nobody")
    return Coverage(
        days=days,
        by_day=tuple(Day(*row) for row in ask("coverage")),
        top=tuple(Linked(*row) for row in ask("coverage_users")),
        ids=ids,
        shared_ids=shared_ids,
        users=users,
        crowded_users=crowded_users,
        shared=tuple(Shared(*row) for row in ask("coverage_shared")),
        crowds=tuple(Shared(*row) for row in ask("coverage_crowds")),
        silent_users=silent_users,
        silent_requests=silent_requests,
        nobodys_ids=nobodys_ids,
        nobodys_requests=nobodys_requests,
        cut_ids=cut_ids,
        cut_requests=cut_requests,
    )
