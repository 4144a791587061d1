"""Starts the backend: its database, its builds each on a port of its own, and its fleets.

    with prepared_database(dsn, "hidden-orphans") as database:
        with backends(database.dsn, ["hidden-orphans", "plain"], role_dsn=database.role_dsn) as served:
            served["plain"].url

A name is an entry's of the catalogue or a build's; what changes the database needs a prepared database of its own.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.foreign.catalogue import BY_NAME, Fleet
from tests.foreign.node import BackendError, NodeProcess, NpmUnavailableError, running_node

__all__ = [
    "Backend",
    "BackendError",
    "Database",
    "NpmUnavailableError",
    "backends",
    "fleet",
    "prepared_database",
    "serving",
]

SQL = Path(__file__).parent / "sql"
SECRET = "the secret that signs the tokens of this backend's one user"
USER = {"id": "user-signed-in", "email": "signed-in@foreign.test"}
FREE_MODEL = "kilo/default:free"
PAID_MODEL = "kilo/paid"
SEED = 20_260_222


@dataclass(frozen=True)
class Database:
    """A database with the schema, and the address at which its rows are to be read."""

    dsn: str
    role_dsn: str


@dataclass(frozen=True)
class Backend:
    """A build that is being served, and what a client of it has to know."""

    name: str
    url: str
    token: str
    email: str
    user_id: str
    free_model: str
    paid_model: str
    dsn: str
    role_dsn: str
    drain: Callable[[], None] = field(compare=False, repr=False)  # returns once nothing waits to be written


@contextmanager
def prepared_database(dsn: str, name: str | None = None) -> Iterator[Database]:
    """Makes the schema in an empty database, then what the entry of that name does to it."""
    entry = BY_NAME.get(name) if name is not None else None
    statements = entry.sql if entry is not None else ""
    role = f"{entry.role}_{secrets.token_hex(4)}" if entry is not None and entry.role else ""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for file in ("schema.sql", "view.sql"):
            connection.execute((SQL / file).read_bytes())
        connection.execute(
            "INSERT INTO kilocode_users (id, google_user_email) VALUES (%s, %s)", (USER["id"], USER["email"])
        )
        if role:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), role))
        if statements:
            connection.execute(statements.replace("{role}", role).encode())
    try:
        yield Database(dsn, make_conninfo(dsn, user=role, password=role) if role else dsn)
    finally:
        if role:
            _drop_role(dsn, role)


def _drop_role(dsn: str, role: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '5s'")
        for statement in ("DROP OWNED BY {} CASCADE", "DROP ROLE {}"):
            connection.execute(sql.SQL(statement).format(sql.Identifier(role)))


def _database_options(dsn: str) -> dict[str, Any]:
    given = conninfo_to_dict(dsn)
    host, port = str(given.get("host") or "127.0.0.1"), int(given.get("port") or 5432)
    options = {
        "database": given.get("dbname"),
        "username": given.get("user"),
        "password": given.get("password"),
    }
    place = {"path": f"{host}/.s.PGSQL.{port}"} if host.startswith("/") else {"host": host, "port": port}
    return {**{key: value for key, value in options.items() if value is not None}, **place}


@contextmanager
def _opened(dsn: str) -> Iterator[NodeProcess]:
    with running_node() as process:
        process.ask("open", database=_database_options(dsn), user=USER, secret=SECRET, seed=SEED)
        yield process


def _fleet_port(process: NodeProcess, shape: Fleet) -> int:
    """Starts a build for each place of each stage: replicas share nothing."""
    builds = [build for stage in shape.stages for build in stage.builds]
    stages, first = [], 0
    for stage in shape.stages:
        members = list(range(first, first + len(stage.builds)))
        stages.append({"from": stage.after, "members": members})
        first += len(members)
    plan = {"by": shape.by, "drains": shape.drains, "stages": stages}
    return int(process.ask("fleet", builds=builds, plan=plan)["port"])


def _port(process: NodeProcess, name: str) -> int:
    entry = BY_NAME.get(name)
    if entry is not None and entry.fleet is not None:
        return _fleet_port(process, entry.fleet)
    return int(process.ask("serve", build=name if entry is None else entry.build)["port"])


def _backend(process: NodeProcess, name: str, port: int, dsn: str, role_dsn: str | None) -> Backend:
    def drain() -> None:
        process.ask("drain")

    return Backend(
        name=name,
        url=f"http://127.0.0.1:{port}",
        token=jwt.encode({"kiloUserId": USER["id"], "version": 3}, SECRET, algorithm="HS256"),
        email=USER["email"],
        user_id=USER["id"],
        free_model=FREE_MODEL,
        paid_model=PAID_MODEL,
        dsn=dsn,
        role_dsn=role_dsn or dsn,
        drain=drain,
    )


@contextmanager
def backends(dsn: str, names: Sequence[str], role_dsn: str | None = None) -> Iterator[dict[str, Backend]]:
    """One process that serves each name on a port of its own; all of them write to one prepared database."""
    with _opened(dsn) as process:
        yield {name: _backend(process, name, _port(process, name), dsn, role_dsn) for name in names}


@contextmanager
def fleet(dsn: str, shape: Fleet, name: str = "fleet") -> Iterator[Backend]:
    """A balancer of any shape over a prepared database."""
    with _opened(dsn) as process:
        yield _backend(process, name, _fleet_port(process, shape), dsn, None)


@contextmanager
def serving(dsn: str, name: str) -> Iterator[Backend]:
    """An entry of any kind, from an empty database on."""
    with (
        prepared_database(dsn, name) as database,
        backends(database.dsn, [name], database.role_dsn) as served,
    ):
        yield served[name]
