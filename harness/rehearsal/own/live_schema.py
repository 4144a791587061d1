"""The schema of a live database, by pg_dump: the catalogue is read, no row, and nothing is changed.

pg_dump works in one read-only transaction on a connection of its own; it locks each table against being dropped
(ACCESS SHARE), and gives up where it waits for that.
"""

import os
import subprocess
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from harness.database.dsn import CONNECT_S_MAX
from harness.database.embedded import program
from harness.database.pooler import check_direct
from harness.database.runners import connect
from harness.database.server import where
from harness.errors import UnavailableError
from harness.report.escape import masked

DUMP_S_MAX: Final = 300.0
LOCK_WAIT_MS_MAX: Final = 3_000
"""What waits behind an ALTER TABLE makes others wait behind it."""
_OPTIONS: Final = (
    "--schema-only",
    "--no-owner",
    "--no-privileges",
    "--no-publications",
    "--no-subscriptions",
    "--no-security-labels",
    "--no-tablespaces",
    "--no-comments",
    "--no-password",
    f"--lock-wait-timeout={LOCK_WAIT_MS_MAX}",
)


def live_schema(dsn: str, *, session_pooler: bool | None = None) -> tuple[str, tuple[str, ...]]:
    """What `pg_dump --schema-only` writes of the database behind a DSN, and where its role looks for a table.

    Raises UsageError for a DSN that cannot be read and for a pooler, UnavailableError where the schema cannot be read.
    """
    with connect(dsn) as connection:
        check_direct(connection, dsn, where(dsn), session_pooler=session_pooler)
        found = connection.execute("SELECT current_schemas(false)::text[]").fetchone()
    # The password goes by the environment: a command line is for everybody to read.
    given: dict[str, Any] = dict(conninfo_to_dict(dsn))
    password = given.pop("password", None)
    options = f"{given.pop('options', '')} -c default_transaction_read_only=on".strip()
    target = make_conninfo("", **{"connect_timeout": CONNECT_S_MAX} | given | {"options": options})
    environment = os.environ | {"LC_ALL": "C"} | ({} if password is None else {"PGPASSWORD": str(password)})
    try:
        done = subprocess.run(
            [str(program("pg_dump")), *_OPTIONS, "-d", target],
            capture_output=True, text=True, encoding="utf-8", errors="replace", env=environment,
            timeout=DUMP_S_MAX, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UnavailableError(
            f"the schema of {where(dsn)} was not read within {DUMP_S_MAX:.0f} s; give it by --schema FILE"
        ) from None
    if done.returncode != 0:
        reason = " ".join(done.stderr.split())[:300] or f"exit code {done.returncode}"
        advice = "let the role read every table (GRANT pg_read_all_data), or give the schema by --schema FILE"
        if "LOCK TABLE" in reason and "timeout" in reason:
            advice = (
                "a session holds a table against readers, as ALTER TABLE does; try again once that has ended"
            )
        raise UnavailableError(f"the schema of {where(dsn)} cannot be read: {masked(reason)}; {advice}")
    return done.stdout, tuple(found[0]) if found else ()
