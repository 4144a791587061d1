"""The pytest plugin: a rollout's server, database, stage, backend and gate as fixtures of somebody's own tests.

It is loaded wherever the harness is installed, so it imports nothing of it until a fixture is used.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from harness.database.server import Server
    from harness.database.templates import Templates
    from harness.library.stage import RunningStage
    from harness.report.document import Report

LEVELS: Final = ("smoke", "standard", "exhaustive")
_SHARED: Final = pytest.StashKey[Any]()
_OPTIONS: Final = {
    "level": "how much the gate sends: smoke (default), standard or exhaustive",
    "postgres": "Postgres of the fixtures: embedded (default), embedded:18, docker, docker:IMAGE, or a DSN",
    "target": "URL of your own backend, for rollout_backend and rollout_gate; without it the reference is started",
    "database-url": "database of that backend",
    "free-model": "a model that it serves without an account",
}
"""Options `--rollout-NAME` and their help; each is an ini key `rollout_name`, too."""


class Backend(NamedTuple):
    """A backend to be judged, and its database."""

    url: str
    """Without a path."""
    dsn: str
    free_model: str
    """A model that it serves without an account."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--rollout-NAME` and `rollout_name`."""
    group = parser.getgroup("rollout", "the rollout that is judged (rollout-harness)")
    for name, text in _OPTIONS.items():
        group.addoption(f"--rollout-{name}", default=None, metavar=name.upper(), help=text)
        parser.addini(_key(name), text, default="")
    group.addoption(
        "--rollout-request-header",
        action="append",
        default=None,
        metavar="'NAME: VALUE'",
        help="sent with every request to the target; the value is printed nowhere; may be repeated",
    )
    parser.addini("rollout_request_header", "header lines for the target, one a line", "linelist")


def pytest_configure(config: pytest.Config) -> None:
    """Refuses what is no level before anything runs, and shares the server with the workers of xdist."""
    level = _given(config, "level")
    if level and level not in LEVELS:
        raise pytest.UsageError(f"--rollout-level {level!r} is none of {', '.join(LEVELS)}")
    if _given(config, "target") and not _given(config, "database-url"):
        raise pytest.UsageError("--rollout-target needs --rollout-database-url: the rows are what is judged")


def pytest_report_header(config: pytest.Config) -> str:
    """Names what is judged."""
    target = _given(config, "target") or "the reference"
    return f"rollout: {target}, level {_given(config, 'level') or LEVELS[0]}"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of xdist where the one server of the run can be asked for."""
    from harness.library.share import SharedServer

    config = node.config
    if _SHARED not in config.stash:
        config.stash[_SHARED] = shared = SharedServer(_given(config, "postgres") or "embedded")
        config.add_cleanup(shared.close)
    node.workerinput["rollout_server"] = config.stash[_SHARED].address


@pytest.fixture(scope="session")
def rollout_server(pytestconfig: pytest.Config) -> "Iterator[Server]":
    """A running Postgres server, one for all workers of xdist; started when it is first asked for."""
    from harness.database.server import attached_server, running_server
    from harness.library.share import asked

    address = getattr(pytestconfig, "workerinput", {}).get("rollout_server")
    if address is None:
        with running_server(_given(pytestconfig, "postgres") or "embedded") as server:
            yield server
    else:
        with attached_server(*asked(address)) as server:
            yield server


@pytest.fixture(scope="session")
def _rollout_templates(rollout_server: "Server") -> "Iterator[Templates]":
    from harness.database.templates import Templates

    with Templates(rollout_server) as templates:
        yield templates


@pytest.fixture
def rollout_database(_rollout_templates: "Templates") -> Iterator[str]:
    """The DSN of a database of the test's own, as it is after the migration, with some rows from before it."""
    from harness.database.schema_state import SchemaState

    with _rollout_templates.database(SchemaState.READY) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def rollout_stage(rollout_server: "Server") -> "Iterator[RunningStage]":
    """The reference as it is when the rollout has arrived: two new replicas on a migrated database."""
    from harness.library.stage import stage

    with stage(postgres=rollout_server.admin_dsn) as running:
        yield running


@pytest.fixture(scope="session")
def rollout_backend(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Backend:
    """The backend that is judged: the target that was named, or the reference."""
    url = _given(pytestconfig, "target")
    if url:
        dsn = _given(pytestconfig, "database-url")
        return Backend(url, dsn, _given(pytestconfig, "free-model"))
    from harness.clients.extension import FREE_MODEL

    stage: RunningStage = request.getfixturevalue("rollout_stage")
    return Backend(stage.url, stage.dsn, FREE_MODEL)


@pytest.fixture(scope="session")
def rollout_gate(rollout_backend: Backend, pytestconfig: pytest.Config) -> "Callable[..., Report]":
    """The gate on that backend: `rollout_gate()` is the report; options as `harness.gate` has them."""
    from harness.library.gate import gate

    def judged(**options: Any) -> "Report":
        usual: dict[str, Any] = {
            "free_model": rollout_backend.free_model,
            "level": _given(pytestconfig, "level") or LEVELS[0],
            "request_headers": _request_headers(pytestconfig),
        }
        return gate(rollout_backend.url, rollout_backend.dsn, **(usual | options))

    return judged


def _given(config: pytest.Config, name: str) -> str:
    """What the command line says, else the ini file, else nothing."""
    option = config.getoption(f"--rollout-{name}")
    return str(option if option is not None else config.getini(_key(name)))


def _request_headers(config: pytest.Config) -> tuple[str, ...]:
    option = config.getoption("--rollout-request-header")
    return tuple(option if option is not None else config.getini("rollout_request_header"))


def _key(name: str) -> str:
    return f"rollout_{name.replace('-', '_')}"
