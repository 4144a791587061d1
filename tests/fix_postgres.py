"""One Postgres server for the whole run, whatever the number of workers.

With pytest-xdist the controller starts the server and hands its address to the workers.
"""

import os
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest

from harness.database.server import CHOICES, Server, attached_server, running_server
from harness.errors import UnavailableError, UsageError

SERVER = pytest.StashKey[Server]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres",
        default=os.environ.get("HARNESS_POSTGRES") or "embedded",
        help=f"{CHOICES}; by default what HARNESS_POSTGRES says, else embedded",
    )


@pytest.hookimpl(tryfirst=True)  # before the workers and before the header
def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if config.getoption("collectonly"):
        return
    choice = config.getoption("--postgres")
    workerinput = getattr(config, "workerinput", None)
    stack = ExitStack()
    config.add_cleanup(stack.close)
    try:
        if workerinput is not None:
            server = stack.enter_context(attached_server(*workerinput["postgres"]))
        else:
            server = stack.enter_context(running_server(choice))
    except UsageError as error:
        raise pytest.UsageError(f"--postgres: {error}") from error
    except UnavailableError as error:
        if choice.startswith("docker") and not _docker_is_required():
            pytest.exit(f"every test is skipped: {error}", returncode=0)
        pytest.exit(f"no test was run: {error}", returncode=1)
    config.stash[SERVER] = server


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_configure_node(node: Any) -> None:
    server = node.config.stash[SERVER]
    node.workerinput["postgres"] = (server.kind, server.admin_dsn)


def pytest_report_header(config: pytest.Config) -> str | None:
    server = config.stash.get(SERVER, None)
    return None if server is None else f"postgres: {server.version} ({server.kind})"


def pytest_runtest_setup(item: pytest.Item) -> None:
    refusal = _engine_refusal() if item.get_closest_marker("docker") else None
    if refusal is not None:
        (pytest.fail if _docker_is_required() else pytest.skip)(refusal)


@cache
def _engine_refusal() -> str | None:
    """Why there is no Docker engine, or None when there is one."""
    from harness.database.container import check_engine  # takes half a second, which few runs need to wait

    try:
        check_engine()
    except UnavailableError as error:
        return str(error)
    return None


def _docker_is_required() -> bool:
    return os.environ.get("HARNESS_REQUIRE_DOCKER") == "1"


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Server:
    """The server of this run."""
    return pytestconfig.stash[SERVER]
