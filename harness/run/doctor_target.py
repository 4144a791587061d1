"""What a backend and its database show to who would judge them: reached or not, rights, policies, poolers, clocks."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
import psycopg
from psycopg import sql

from harness.clients.extra_headers import ExtraHeaders
from harness.database import catalog
from harness.database.declared import DeclaredStore
from harness.database.dsn import CONNECT_S_MAX, check_dsn
from harness.database.pooler import pooler_of
from harness.database.server import where
from harness.database.visibility import obstacles, whereabouts
from harness.errors import UnavailableError
from harness.report.escape import masked
from harness.rollout import Rollout
from harness.run.doctor import Part, Presence
from harness.sut.external import site_of
from harness.sut.foreign_rows import DatabaseUnavailableError
from harness.sut.read_only import read_only

REPLY_S_MAX: Final = 10.0
CLOCK_S_MAX: Final = 5.0
"""The clocks of hosts that keep time by a server are closer; the date of a reply has whole seconds."""

_GATE: Final = "gate, fuzz --target"
_PROTECTION: Final = (
    "a protected site wants a header of its own: --request-header 'NAME: VALUE'; check the URL, too"
)


def backend_parts(url: str, given: ExtraHeaders, rollout: Rollout) -> Iterator[Part]:
    """How a backend answers a GET of each path of the rollout's requests. Raises UsageError for no URL of a site."""
    site = site_of(url)
    headers = [(name.decode(), value.decode()) for name, value in given.lines]
    replies: list[httpx.Response] = []
    with httpx.Client(
        verify=site.tls or True, timeout=REPLY_S_MAX, trust_env=False, headers=headers
    ) as client:
        for path in rollout.tables.request.paths:
            started = time.monotonic()
            try:
                reply = client.get(site.url + path)
            except httpx.HTTPError as error:
                problem = f"no reply: {given.masked(str(error) or type(error).__name__)}"
                remedy = "start it, or check the URL, name server and certificate (SSL_CERT_FILE)"
                yield Part(path, Presence.MISSING, problem, _GATE, remedy)
                return
            replies.append(reply)
            yield _path(path, reply, (time.monotonic() - started) * 1000)
    yield _clock("its clock", _dated(replies), "nothing: the gate goes by the database's clock")


def _path(path: str, reply: httpx.Response, took_ms: float) -> Part:
    found = f"{reply.http_version} {reply.status_code} to a GET, in {took_ms:,.0f} ms"
    match reply.status_code:
        case 404:
            return Part(path, Presence.MISSING, f"{found}: it is not served", _GATE, _PROTECTION)
        case 401 | 403 | 407 | 429:
            return Part(path, Presence.MISSING, f"{found}: it is refused", _GATE, _PROTECTION)
        case status if 300 <= status < 400:
            problem = f"{found}: it leads to another place, and the harness follows none"
            return Part(
                path, Presence.MISSING, problem, _GATE, "give the URL that it leads to, or: " + _PROTECTION
            )
        case status if status >= 500 and status != 501:
            return Part(path, Presence.MISSING, f"{found}: it fails", _GATE, "look into its log")
    return Part(path, Presence.PRESENT, found)


def _dated(replies: list[httpx.Response]) -> timedelta | None:
    for reply in replies:
        try:
            return parsedate_to_datetime(reply.headers["date"]) - datetime.now(UTC)
        except (KeyError, ValueError, TypeError):  # none, no date, or one without a zone
            continue
    return None


def database_parts(dsn: str, store: DeclaredStore) -> Iterator[Part]:
    """What the role of a DSN may see and do, and where it leads. Raises UsageError for no DSN; changes nothing."""
    check_dsn(dsn)
    try:
        yield _pooler(dsn)
        with read_only(dsn, CONNECT_S_MAX) as connection:
            yield _server(connection, where(dsn))
            for table in store.needed:
                yield from _table(connection, table, store)
            yield _delete(connection, store)
            now = connection.execute("SELECT clock_timestamp()").fetchone()
            assert now is not None
            off = now[0] - datetime.now(UTC)
            yield _clock("its clock", off, "nothing: the gate finds out by how much, and says so")
    except (DatabaseUnavailableError, UnavailableError, psycopg.Error) as error:
        remedy = "check host, port, role and password"
        problem = masked(" ".join(str(error).split()))
        yield Part("connection", Presence.MISSING, problem, "gate, schema, coverage, clean", remedy)


def _pooler(dsn: str) -> Part:
    bounded = psycopg.conninfo.make_conninfo(dsn, connect_timeout=CONNECT_S_MAX)
    with psycopg.connect(bounded, autocommit=True, prepare_threshold=None) as connection:
        kind = pooler_of(connection, dsn)
    if kind is None:
        return Part("connection", Presence.PRESENT, "the server itself answers")
    problem = f"a pooler answers, in {kind} mode"
    remedy = "give the direct connection for these; gate, schema, coverage and clean go through it"
    return Part("connection", Presence.OPTIONAL, problem, "migrate, rehearse, prove --postgres", remedy)


def _server(connection: psycopg.Connection[Any], place: str) -> Part:
    record = connection.execute(
        "SELECT current_setting('server_version'), current_user, pg_is_in_recovery()"
    ).fetchone()
    assert record is not None
    version, role, standby = record
    found = f"PostgreSQL {version} at {place}, as role {role}{', a standby' if standby else ''}"
    return Part("server", Presence.PRESENT, found)


def _table(connection: psycopg.Connection[Any], table: str, store: DeclaredStore) -> Iterator[Part]:
    there = connection.execute("SELECT to_regclass(%s)", [sql.Identifier(table).as_string()]).fetchone()
    if there is None or there[0] is None:
        remedy = "let the role find it, or name another database"
        yield Part(table, Presence.MISSING, whereabouts(connection, table), "gate, coverage", remedy)
        return
    needed = {table: store.needed[table]}
    own = store.column.name
    columns = {column.name for column in catalog.columns(connection, table)}
    if own in store.needed[table] and own not in columns:
        needed = {table: tuple(name for name in store.needed[table] if name != own)}
        found = f"column {own} is not there yet"
        remedy = "apply the migration; until then: gate --build before"
        yield Part(own, Presence.OPTIONAL, found, "gate, coverage", remedy)
    hidden = obstacles(connection, needed)
    for obstacle in hidden:
        yield Part(table, Presence.MISSING, obstacle.sentence, "gate, coverage", obstacle.remedy)
    if not hidden:
        yield Part(table, Presence.PRESENT, "the role sees every row and what is needed of it")


def _delete(connection: psycopg.Connection[Any], store: DeclaredStore) -> Part:
    query = (
        "SELECT bool_and(has_table_privilege(to_regclass(name), 'DELETE')) FROM unnest(%s::text[]) AS name"
    )
    names = [sql.Identifier(table).as_string() for table in store.needed]
    record = connection.execute(query, [names]).fetchone()
    if record and record[0]:
        return Part("DELETE", Presence.PRESENT, "the role may clear away what a run left")
    remedy = f"GRANT DELETE ON {', '.join(names)}, or clear away as another role"
    return Part("DELETE", Presence.OPTIONAL, "the role may not delete", "gate --clean, clean", remedy)


def _clock(name: str, off: timedelta | None, remedy: str) -> Part:
    if off is None:
        return Part(name, Presence.OPTIONAL, "it gives no date", "telling how far it is off", remedy)
    seconds = off.total_seconds()
    if abs(seconds) <= CLOCK_S_MAX:
        return Part(name, Presence.PRESENT, f"within {CLOCK_S_MAX:g} s of this machine's")
    side = "ahead of" if seconds > 0 else "behind"
    return Part(
        name, Presence.OPTIONAL, f"{abs(seconds):,.0f} s {side} this machine's", "times as printed", remedy
    )
