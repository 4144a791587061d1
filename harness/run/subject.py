"""What a fuzzer or a replay sends to: the reference backend in any build, or somebody's own on this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import psycopg

from harness.backend import serve
from harness.backend.defects import find_build
from harness.backend.serve import HOST
from harness.clients.extension import FREE_MODEL
from harness.clients.given import NONE_GIVEN, GivenHeaders
from harness.database.catalog import SchemaState
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.errors import CannotRunError, MisuseError
from harness.rollout.matrix import SignedIn
from harness.rollout.model import Stage, Version
from harness.rollout.stage import Cast, stack, stand
from harness.target import Endpoint
from harness.target.contract import check_dsn

FIRST_ROW_S: Final = 60.0
"""So long the first row of a backend may take, unless a bound was given."""
REFERENCE: Final = "reference"
ARRIVED: Final = Stage(SchemaState.READY, (Version.AFTER, Version.AFTER), extension_released=True)
"""The stage in which the header rule is at work everywhere."""
OLD: Final = Stage(SchemaState.READY, (Version.BEFORE, Version.BEFORE), extension_released=True)


@dataclass(frozen=True, slots=True)
class SubjectOptions:
    """Which backend; `build`, `policy` and `postgres` are the reference's."""

    target: str = REFERENCE
    """`reference`, or the backend's URL without a path."""
    database_url: str | None = None
    """Where the rows of a URL target are; only read."""
    build: str = "after"
    policy: str = "strict"
    postgres: str = "embedded"
    free_model: str = FREE_MODEL
    wait_s: float | None = None
    """Longest wait for the rows of a reply, seconds; None: found out by a first request."""
    given: GivenHeaders = NONE_GIVEN
    """Sent with every request; of no value there is a trace."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A backend that answers, and the database where its rows appear."""

    endpoint: Endpoint
    dsn: str
    model: str
    wait_s: float
    signed_in: SignedIn | None
    """A user to sign in as; None where no token is known."""
    words: str
    is_wait_known: bool = True
    """Whether `wait_s` is how long rows take here, and not how long the first may take."""


@asynccontextmanager
async def subject(options: SubjectOptions) -> AsyncIterator[Subject]:
    """The backend that was asked for, answering; the reference is started for it and ended after it.

    Raises MisuseError for an unknown build and a URL that does not fit, CannotRunError when nothing answers.
    """
    if options.target != REFERENCE:
        yield await _deployed(options)
        return
    find_build(options.build)
    serve.warm()
    version = Version.BEFORE if options.build == "before" else Version.AFTER
    with running_server(options.postgres) as server, Templates(server) as templates:
        cast = Cast(after=options.build) if version is Version.AFTER else Cast(before=options.build)
        where = ARRIVED if version is Version.AFTER else OLD
        async with stack(templates, options.policy, cast) as shared, stand(shared, where) as standing:
            process = standing.replicas[0].process
            yield Subject(
                Endpoint(
                    (HOST, process.port), str(version), f"build {options.build}", standing.lost, options.given
                ),
                standing.dsn,
                FREE_MODEL,
                min(options.wait_s or 1.0, 1.0),
                await shared.signed_in(standing.dsn),
                f"reference build {options.build} on Postgres {server.version} ({server.kind})",
            )


async def _deployed(options: SubjectOptions) -> Subject:
    address = address_of(options.target)
    if options.database_url is None:
        raise MisuseError(
            f"target {options.target} needs --database-url: a reply proves nothing, its rows do"
        )
    check_dsn(options.database_url)
    try:
        connection = await psycopg.AsyncConnection.connect(options.database_url, connect_timeout=10)
    except psycopg.Error as error:
        raise CannotRunError(
            f"cannot connect to the target's database: {str(error).partition(chr(10))[0]}; check --database-url"
        ) from None
    await connection.close()
    endpoint = Endpoint(address, "after", options.target, given=options.given)
    wait_s, known = options.wait_s or FIRST_ROW_S, options.wait_s is not None
    return Subject(endpoint, options.database_url, options.free_model, wait_s, None, options.target, known)


def address_of(url: str) -> tuple[str, int]:
    """Host and port of an `http://` URL without a path. Raises MisuseError for any other."""
    problem = f"target {url!r} is no http:// URL without a path; for example http://127.0.0.1:3000"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise MisuseError(problem) from None
    further = parts.path.rstrip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme != "http" or not parts.hostname or further:
        raise MisuseError(problem)
    return parts.hostname, 80 if port is None else port
