"""The plugin's fixtures: a rollout's server, database, stage, backend and gate."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from harness.pytest_plugin.options import gate_options, given, named_rollout, pairs

if TYPE_CHECKING:
    from harness.database.server import Server
    from harness.database.templates import Templates
    from harness.library.stage import RunningStage
    from harness.report.document import Report
    from harness.rollout import Rollout


class Backend(NamedTuple):
    """A backend to be judged, and its database."""

    url: str
    """Without a path."""
    dsn: str
    parameters: "Mapping[str, str]"
    """What stands for {NAME} in the rollout's requests to it, beside what is read from the environment."""


@pytest.fixture(scope="session")
def rollout(pytestconfig: pytest.Config) -> "Rollout":
    """The rollout that --rollout names, read and typed; by default the plan's."""
    from harness.rollout import load_rollout

    return named_rollout(pytestconfig) or load_rollout()


@pytest.fixture(scope="session")
def rollout_server(pytestconfig: pytest.Config) -> "Iterator[Server]":
    """A running Postgres server, one for all workers of xdist; started when it is first asked for."""
    from harness.database.server import attached_server, running_server
    from harness.library.share import asked

    address = getattr(pytestconfig, "workerinput", {}).get("rollout_server")
    if address is None:
        with running_server(given(pytestconfig, "postgres") or "embedded") as server:
            yield server
    else:
        with attached_server(*asked(address)) as server:
            yield server


@pytest.fixture(scope="session")
def _rollout_templates(rollout_server: "Server", rollout: "Rollout") -> "Iterator[Templates]":
    from harness.database.templates import Templates

    with Templates(rollout_server, rollout=rollout) as templates:
        yield templates


@pytest.fixture
def rollout_database(_rollout_templates: "Templates") -> Iterator[str]:
    """The DSN of a database of the test's own, as it is after the migration, with some rows from before it."""
    from harness.database.scripts import Script

    rollout = _rollout_templates.rollout
    files = [step.up for step in rollout.tables.step if step.up is not None]
    with _rollout_templates.after([Script(file, rollout.text(file)) for file in files]) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def rollout_stage(rollout_server: "Server", pytestconfig: pytest.Config) -> "Iterator[RunningStage]":
    """The reference as it is when the rollout has arrived: new replicas alone, on a migrated database."""
    from harness.library.stage import stage

    with stage(rollout=named_rollout(pytestconfig), postgres=rollout_server.admin_dsn) as running:
        yield running


@pytest.fixture(scope="session")
def rollout_backend(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Backend:
    """The backend that is judged: the target that was named, or the reference."""
    url = given(pytestconfig, "target")
    if url:
        return Backend(url, given(pytestconfig, "database-url"), pairs(pytestconfig, "set"))
    stage: RunningStage = request.getfixturevalue("rollout_stage")
    return Backend(stage.url, stage.dsn, stage.parameters)


@pytest.fixture(scope="session")
def rollout_gate(rollout_backend: Backend, pytestconfig: pytest.Config) -> "Callable[..., Report]":
    """The gate on that backend: `rollout_gate()` is the report; options as `harness.gate` has them."""
    from harness.library.gate import gate

    def judged(**options: Any) -> "Report":
        usual = gate_options(pytestconfig) | {"parameters": rollout_backend.parameters}
        return gate(rollout_backend.url, rollout_backend.dsn, **(usual | options))

    return judged
