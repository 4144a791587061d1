"""What is wrong with a DSN, in words that quote no value of it: it may hold a password."""

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from harness.errors import UsageError
from harness.report.escape import shown

CONNECT_S_MAX: Final = 10
"""libpq's connect_timeout wherever a server is somebody else's; whole seconds."""
EXAMPLE: Final = "postgresql://user:password@host:port/database"
_SEARCH_PATH: Final = "write options=-csearch_path%3DNAME in its place"
_LEAVE_OUT: Final = "leave it out"
_FOREIGN: Final = {
    "schema": ("Prisma", _SEARCH_PATH),
    "pgbouncer": ("Prisma", _LEAVE_OUT),
    "connection_limit": ("Prisma", _LEAVE_OUT),
    "pool_timeout": ("Prisma", _LEAVE_OUT),
    "socket_timeout": ("Prisma", _LEAVE_OUT),
    "sslaccept": ("Prisma", "write sslmode=require or sslmode=verify-full in its place"),
    "sslidentity": ("Prisma", "write sslcert and sslkey in its place"),
    "uselibpqcompat": ("node-postgres", _LEAVE_OUT),
    "currentschema": ("JDBC", _SEARCH_PATH),
    "applicationname": ("JDBC", "write application_name in its place"),
    "preparethreshold": ("JDBC", _LEAVE_OUT),
    "search_path": ("pgx", _SEARCH_PATH),
    "pool_max_conns": ("pgx", _LEAVE_OUT),
    "default_query_exec_mode": ("pgx", _LEAVE_OUT),
    "statement_cache_size": ("asyncpg", _LEAVE_OUT),
    "prepared_statement_cache_size": ("asyncpg", _LEAVE_OUT),
    "command_timeout": ("asyncpg", _LEAVE_OUT),
    "serverversion": ("Doctrine", _LEAVE_OUT),
    "charset": ("Doctrine", "write client_encoding in its place"),
    "workaround": ("Vercel", _LEAVE_OUT),
    "supa": ("Vercel", _LEAVE_OUT),
}
"""Parameters of other drivers, in lower case: whose they are, and what to do. Sources: their manuals."""


def dsn_fault(dsn: str, *, of_server: bool = False) -> str:
    """Why a DSN is not taken, with what to write instead; empty where it is.

    Without a database, libpq takes one that the environment or the user's name says: only a server may be named so.
    """
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        return _fault(dsn) or f"it is no DSN that libpq can read; it must be {EXAMPLE}"
    if not of_server and not parts.get("dbname") and not parts.get("service"):
        return f"it names no database, and libpq would take another one; it must be {EXAMPLE}"
    if of_server and (
        re.search(r"[^\d,]", str(parts.get("port", ""))) or "@" in str(parts.get("dbname", ""))
    ):
        # libpq reads part of the password as the port or the database, which messages would show
        return f"it must be {EXAMPLE}, with / and @ in the password as %2F and %40"
    return ""


def _fault(dsn: str) -> str:
    scheme, is_url, _ = dsn.partition("://")
    if not is_url:
        return ""
    driver = scheme.lower()
    if driver.startswith("jdbc:") or "+" in driver:
        return f"it begins with {shown(scheme, 40)}, which another driver reads; write postgresql:// in its place"
    if driver not in ("postgres", "postgresql"):
        return f"it begins with {shown(scheme, 40)}, which is no database of PostgreSQL; it must be {EXAMPLE}"
    try:
        query = urlsplit(dsn).query
    except ValueError:
        return ""
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            whose, todo = _FOREIGN.get(name.lower(), ("", "leave it out, or name one that libpq has"))
            fault = f"is for {whose} and not for libpq" if whose else "is none of libpq's"
            return f"its parameter {shown(name, 40)} {fault}; {todo}"
    return ""


def check_dsn(dsn: str) -> None:
    """Raises UsageError for what libpq cannot read, without quoting it: it may hold a password."""
    if fault := dsn_fault(dsn):
        raise UsageError(f"--database-url cannot be read: {fault}")
