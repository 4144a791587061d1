"""A running Postgres server, wherever it comes from, and databases of one's own on it."""

import re
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from harness.database.dsn import dsn_fault
from harness.database.embedded import embedded_server
from harness.database.pooler import check_direct
from harness.errors import UnavailableError, UsageError

CHOICES: Final = "embedded[:16|:18], docker[:IMAGE] or a postgresql:// DSN"
VERSION_MIN: Final = 13
"""Oldest major version with DROP DATABASE ... (FORCE)."""
CONNECT_SECONDS: Final = 10

_SCHEMES: Final = ("postgresql://", "postgres://")
_URL: Final = re.compile(
    r"(?P<server>\w+://(?:[^@/]*@)?[^/?]*)"  # as libpq reads it: a password may hold ? and #
    r"(?:/[^?]*)?"
    r"(?:\?(?P<options>.*))?",
    re.DOTALL,
)
_INSTEAD: Final = "give another DSN, or choose `embedded`"


_Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server on which databases may be made."""

    kind: str  # "embedded", "docker" or "dsn"
    version: str  # "16.14"
    admin_dsn: str = field(repr=False)  # URL of a database that exists, as a role that may create others
    _created: set[str] = field(default_factory=set, repr=False)
    pooled: bool = False  # behind a pooler, which keeps connections open after their clients have gone
    _idle: list[_Connection] = field(default_factory=list, repr=False)  # connected to the admin's database

    def dsn(self, database: str) -> str:
        """URL of a database on this server, for libpq and for programs that take the same form."""
        url = _URL.fullmatch(self.admin_dsn)
        assert url is not None
        options = [option for option in (url["options"] or "").split("&") if not option.startswith("dbname=")]
        return f"{url['server']}/{quote(database, safe='')}?{'&'.join(options)}".rstrip("?")

    def create_database(self, template: str | None = None) -> str:
        """Makes `harness_<random>`, empty or a copy of `template`, and returns its name.

        Nobody may be connected to the template. Empty means UTF-8 and the C locale whatever the server's defaults are.
        Source: PostgreSQL, CREATE DATABASE.
        """
        name = f"harness_{secrets.token_hex(8)}"
        if template is None:
            origin: sql.Composable = sql.SQL("template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
        else:
            origin = sql.Identifier(template)
        # Copying files takes a checkpoint, cheap on a server without fsync and rude on somebody else's.
        by_files = self.kind != "dsn" and int(self.version.split(".")[0]) >= 15
        strategy = sql.SQL("STRATEGY = FILE_COPY" if by_files else "")
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} {}").format(sql.Identifier(name), origin, strategy)
        with self._administering() as connection:
            if self.pooled and template in self._created:  # the server waits 5 s until they are gone
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [template]
                )
            connection.execute(create)
        self._created.add(name)
        return name

    def drop_database(self, name: str) -> None:
        """Drops it and ends the connections to it; again is no error.

        Raises UsageError for a database that this object did not make.
        """
        if name not in self._created:
            raise UsageError(f"refused to drop database {name}: it was not made here")
        with self._administering() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
        self._created.discard(name)

    def close(self) -> None:
        """Closes what it keeps open."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _administering(self) -> Iterator[_Connection]:
        """A connection of the caller's own, kept for whoever comes next: to make one costs as much as a DROP."""
        connection = self._kept() or _connection(self.admin_dsn)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if self.pooled:  # its sessions are counted
            connection.close()
        else:
            self._idle.append(connection)

    def _kept(self) -> _Connection | None:
        """One that was kept and that the server has not closed since."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:  # threads share the server
                return None
            with suppress(psycopg.Error):
                connection.execute("")
                return connection
            connection.close()

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The DSN of a new database, dropped on exit."""
        name = self.create_database(template)
        try:
            yield self.dsn(name)
        finally:
            with suppress(
                psycopg.OperationalError
            ):  # the server has gone, and whoever used it got that error
                self.drop_database(name)


@contextmanager
def running_server(choice: str = "embedded", *, session_pooler: bool | None = None) -> Iterator[Server]:
    """The server that was asked for: `embedded` (also `embedded:18`), `docker`, `docker:IMAGE`, or a DSN.

    What the harness started is gone on exit. On the server behind a DSN it drops the databases that it made,
    and touches no other. Raises UsageError for another choice and for a pooler, unless it keeps sessions and
    `session_pooler` is given; UnavailableError when there is no such server.
    """
    check_choice(choice)
    kind, _, detail = choice.partition(":")
    if choice.startswith(_SCHEMES):
        with attached_server("dsn", choice, session_pooler=session_pooler) as server:
            yield server
    elif kind == "embedded":
        with (
            embedded_server(int(detail or "16")) as embedded,
            closing(Server("embedded", embedded.version, embedded.dsn("postgres"))) as server,
        ):
            yield server
    else:
        # Here, because it takes half a second that nobody else needs to wait.
        from harness.database.container import DEFAULT_IMAGE, postgres_container

        with postgres_container(detail or DEFAULT_IMAGE) as dsn, attached_server("docker", dsn) as server:
            yield server


def check_choice(choice: str) -> None:
    """Raises UsageError for what names no kind of server."""
    kind, _, detail = choice.partition(":")
    if (
        choice.startswith(_SCHEMES)
        or kind == "docker"
        or (kind == "embedded" and (detail or "16").isdecimal())
    ):
        return
    shown = re.sub(r"[^\w.:+-].*", "...", choice, flags=re.DOTALL)  # the rest may be a password
    raise UsageError(f"no such Postgres: {shown!r}; choose {CHOICES}")


@contextmanager
def attached_server(kind: str, dsn: str, *, session_pooler: bool | None = None) -> Iterator[Server]:
    """A server that somebody else started; what is made on it through this object is dropped on exit.

    Raises UsageError when the DSN cannot be read or leads to a pooler, UnavailableError when to no server of use.
    """
    version, pooled = _checked(dsn, session_pooler)
    server = Server(kind, version, dsn, pooled=pooled)
    try:
        yield server
    except BaseException:
        _drop_all(server)
        server.close()
        raise
    left = _drop_all(server)
    server.close()
    if left:
        raise UnavailableError(f"{where(dsn)} cannot be reached any more; drop by hand: {', '.join(left)}")


def _drop_all(server: Server) -> list[str]:
    """Drops what the server object made, and returns the names of those that it could not drop."""
    for name in sorted(server._created):
        with suppress(psycopg.Error):
            server.drop_database(name)
    return sorted(server._created)


def _connection(dsn: str) -> _Connection:
    bounded = {"connect_timeout": CONNECT_SECONDS} | conninfo_to_dict(dsn)
    return psycopg.connect(make_conninfo("", **bounded), autocommit=True)


def _checked(dsn: str, session_pooler: bool | None) -> tuple[str, bool]:
    """The version of the server behind a DSN, if databases may be made on it, and whether a pooler is before it."""
    if fault := dsn_fault(dsn, of_server=True):
        raise UsageError(f"the DSN cannot be read: {fault}")
    place = where(dsn)
    try:
        with _connection(dsn) as connection:
            pooled = check_direct(connection, dsn, place, session_pooler=session_pooler)
            row = connection.execute(
                "SELECT rolname, rolsuper OR rolcreatedb, pg_is_in_recovery(), current_setting('server_version')"
                " FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error as error:
        raise UnavailableError(
            f"cannot connect to {place} ({' '.join(str(error).split())}); {_INSTEAD}"
        ) from error
    assert row is not None, "every session has a role"
    role, may_create, is_standby, server_version = row
    version = str(server_version).split()[0]
    if int(version.split(".")[0]) < VERSION_MIN:
        raise UnavailableError(f"{place} is Postgres {version}; {VERSION_MIN} or later is needed; {_INSTEAD}")
    if is_standby:
        raise UnavailableError(f"{place} is a standby, where no database can be made; {_INSTEAD}")
    if not may_create:
        raise UnavailableError(
            f"role {role} may not create databases on {place}; "
            f"let a superuser run ALTER ROLE {role} CREATEDB, or {_INSTEAD}"
        )
    return version, pooled


def where(dsn: str) -> str:
    """Where a DSN leads, for messages: user, host, port and database, without the password."""
    parts = conninfo_to_dict(dsn)
    host = parts.get("host") or parts.get("hostaddr") or "the local socket"
    return f"{parts.get('user') or '(you)'}@{host}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"
