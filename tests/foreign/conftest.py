"""The builds that all tests of a worker share."""

import os
from collections.abc import Iterator

import pytest

from harness.database.server import Server
from tests.foreign.catalogue import CATALOGUE, PLAIN
from tests.foreign.launch import Backend, NpmUnavailableError, backends, prepared_database
from tests.foreign.node import installed_packages


@pytest.fixture(scope="session")
def packages() -> None:
    """Fastify and postgres.js, or the reason why these tests can't run."""
    try:
        installed_packages()
    except NpmUnavailableError as error:
        refuse = pytest.fail if os.environ.get("HARNESS_REQUIRE_NPM") == "1" else pytest.skip
        refuse(f"the packages of the foreign backend can't be installed: {error}")


@pytest.fixture(scope="session")
def served(server: Server, packages: None) -> Iterator[dict[str, Backend]]:  # noqa: ARG001
    """The plain build and every build of the catalogue, over one database."""
    names = [PLAIN, *(entry.name for entry in CATALOGUE if entry.where == "code")]
    with server.database() as dsn, prepared_database(dsn) as database, backends(database.dsn, names) as made:
        yield made


@pytest.fixture
def plain(served: dict[str, Backend]) -> Backend:
    """The build without any fault."""
    return served[PLAIN]
