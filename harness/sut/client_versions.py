"""How much of anonymous usage carries no id, by version of the client and by day: what to watch after a release."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import psycopg

from harness import plan
from harness.data import sql_text
from harness.database.dsn import CONNECT_S_MAX
from harness.errors import UnavailableError
from harness.report.escape import masked

STATEMENT_S_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class ClientDay:
    """Anonymous requests of one client on one day (UTC)."""

    client: str
    """Its user agent, which has its version; empty where it sent none."""
    day: date
    requests: int
    without_id: int

    @property
    def null_percent(self) -> float:
        """Share without an id; there are requests."""
        return 100.0 * self.without_id / self.requests


def read_client_days(dsn: str, days: int) -> tuple[ClientDay, ...]:
    """By client, then by day, in one transaction that only reads.

    Raises UnavailableError when the database cannot be asked: SELECT on the table of user agents is needed, too.
    """
    try:
        with psycopg.connect(dsn, connect_timeout=CONNECT_S_MAX, prepare_threshold=None) as connection:
            connection.read_only = True
            connection.execute("SELECT set_config('statement_timeout', %s, true)", (f"{STATEMENT_S_MAX}s",))
            connection.execute("SET LOCAL TimeZone = 'UTC'")
            text = sql_text("queries/coverage_versions.sql").encode()
            values = {"days": days, "anonymous": f"{plan.ANONYMOUS_PREFIX}%"}
            return tuple(ClientDay(*row) for row in connection.execute(text, values))
    except (psycopg.Error, OSError) as error:
        reason = masked(" ".join(str(error).split()))
        raise UnavailableError(
            f"cannot read the clients' versions: {reason}; grant SELECT on http_user_agent, too"
        ) from None


def busiest(client_days: Sequence[ClientDay], most: int) -> list[str]:
    """The clients with the most requests."""
    requests: dict[str, int] = {}
    for each in client_days:
        requests[each.client] = requests.get(each.client, 0) + each.requests
    return sorted(requests, key=lambda client: (-requests[client], client))[:most]
