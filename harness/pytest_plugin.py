"""The pytest plugin: a rollout's server, database, stage, backend and gate as fixtures of somebody's own tests.

It is loaded wherever the harness is installed, so it imports nothing of it until a fixture is used.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from harness.database.server import Server
    from harness.database.templates import Templates
    from harness.library.claim_items import Judge
    from harness.library.stage import RunningStage
    from harness.report.document import Report
    from harness.rollout import Rollout
    from harness.verdict import Claim

LEVELS: Final = ("smoke", "standard", "exhaustive")
_SHARED: Final = pytest.StashKey[Any]()
_OPTIONS: Final = {
    "level": "how much the gate sends: smoke (default), standard or exhaustive",
    "postgres": "Postgres of the fixtures: embedded (default), embedded:18, docker, docker:IMAGE, or a DSN",
    "target": "URL of your own backend, for rollout_backend and rollout_gate; without it the reference is started",
    "database-url": "database of that backend",
    "build": "build of the reference, or what is expected of the target: before or after (default)",
}
"""Options `--rollout-NAME` and their help; each is an ini key `rollout_name`, too."""


_REPEATED: Final = {
    "set": (
        "NAME=VALUE",
        "a parameter of the target: model, email; secrets from the environment: HARNESS_AUTH_TOKEN",
    ),
    "request-header": (
        "'NAME: VALUE'",
        "sent with every request to the target; the value is printed nowhere",
    ),
    "waive": ("CLAIM=REASON", "go on although this claim is unknown: its test is skipped with the reason"),
}
"""Options that may be repeated, with their values; as ini keys, one value a line."""
_PLANS_OWN: Final = "stages and targets are the plan's own rollout's so far; leave --rollout out"
PARAMETERS: Final = ("model", "email")
"""What --rollout-set may name."""


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
        "--rollout", default=None, metavar="DIR", help="folder of the rollout; by default the plan's"
    )
    parser.addini("rollout", "folder of the rollout", default="")
    for name, (metavar, text) in _REPEATED.items():
        group.addoption(f"--rollout-{name}", action="append", default=None, metavar=metavar, help=text)
        parser.addini(_key(name), text, "linelist")
    group.addoption(
        "--rollout-claims",
        action="store_true",
        help="collect the rollout's claims, one test each; no other test unless one is named",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuses what does not fit before anything runs."""
    if config.getoption("--rollout-claims") and _is_another(config) and _given(config, "target"):
        raise pytest.UsageError(f"--rollout {_folder(config)} --rollout-target: {_PLANS_OWN}")
    level = _given(config, "level")
    if level and level not in LEVELS:
        raise pytest.UsageError(f"--rollout-level {level!r} is none of {', '.join(LEVELS)}")
    if _given(config, "target") and not _given(config, "database-url"):
        raise pytest.UsageError("--rollout-target needs --rollout-database-url: the rows are what is judged")
    for name in _pairs(config, "set"):
        if name == "token":
            raise pytest.UsageError(
                "--rollout-set token=...: give a secret as HARNESS_AUTH_TOKEN in the environment"
            )
        if name not in PARAMETERS:
            raise pytest.UsageError(f"--rollout-set {name}=...: no such parameter; {' or '.join(PARAMETERS)}")
    _pairs(config, "waive")
    if _given(config, "target") and "model" not in _pairs(config, "set"):
        raise pytest.UsageError(
            "--rollout-target needs --rollout-set model=ID: one that it serves without an account"
        )
    config.addinivalue_line("markers", "rollout_claim: a claim of the rollout, collected by --rollout-claims")
    if config.getoption("--rollout-claims") and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = []  # neither testpaths nor the folder: claims alone


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


@pytest.hookimpl(tryfirst=True)  # before -k, -m and --lf choose
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Adds an item for each claim."""
    if not config.getoption("--rollout-claims"):
        return
    from harness.library.claim_items import Claims

    address = getattr(config, "workerinput", {}).get("rollout_server")
    shared = None if address is None else Path(address).with_name("report.json")
    target = _given(config, "target")
    claims, judge = _of_target(config) if target else _of_reference(config)
    collector = Claims.of(session, claims, judge, shared)
    collected: list[pytest.Item | pytest.Collector] = list(collector.collect())
    items.extend(item for item in collected if isinstance(item, pytest.Item))
    # Items that no file holds are told to whoever counts what was collected.
    report = pytest.CollectReport(collector.nodeid, "passed", None, collected)
    config.hook.pytest_collectreport(report=report)


def _of_reference(config: pytest.Config) -> "tuple[tuple[Claim, ...], Judge]":
    from harness.rule.level import Level
    from harness.run.options.prove import ProveOptions
    from harness.run.proof import proof_plan
    from harness.run.prove import prove
    from harness.stages.stack import BuildPair

    level = Level(_given(config, "level") or LEVELS[0])
    folder = _folder(config) if _is_another(config) else ""
    options = ProveOptions(
        level=level,
        postgres=_given(config, "postgres") or "embedded",
        command=f"harness prove --level {level}" + (f" --rollout {folder}" if folder else ""),
        rollout=Path(folder) if folder else None,
    )
    builds = BuildPair(after=_given(config, "build") or "after")
    claims = proof_plan(options, builds, None).claims
    return claims, lambda chosen: prove(options, lambda _: None, builds=builds, only=chosen)


def _of_target(config: pytest.Config) -> "tuple[tuple[Claim, ...], Judge]":
    from harness.checks.user import user_claims
    from harness.library.gate import gate
    from harness.run.gate_claims import DATABASE_CLAIMS, claims_of

    def judge(chosen: frozenset[str]) -> "Report":
        read_only = chosen <= frozenset(DATABASE_CLAIMS)
        return gate(
            _given(config, "target"), _given(config, "database-url"), read_only=read_only, **_gate(config)
        )

    return (*claims_of(_given(config, "build") or "after"), *user_claims()), judge


@pytest.fixture(scope="session")
def rollout(pytestconfig: pytest.Config) -> "Rollout":
    """The rollout that --rollout names, read and typed; by default the plan's."""
    from harness.rollout import load_rollout

    folder = _folder(pytestconfig)
    return load_rollout(Path(folder) if folder else None)


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
def _rollout_templates(rollout_server: "Server", pytestconfig: pytest.Config) -> "Iterator[Templates]":
    from harness.database.templates import Templates
    from harness.rollout import load_rollout

    folder = _folder(pytestconfig)
    with Templates(rollout_server, rollout=load_rollout(Path(folder) if folder else None)) as templates:
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
    """The reference as it is when the rollout has arrived: two new replicas on a migrated database."""
    from harness.library.stage import stage

    _refuse_another(pytestconfig)
    with stage(postgres=rollout_server.admin_dsn) as running:
        yield running


@pytest.fixture(scope="session")
def rollout_backend(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Backend:
    """The backend that is judged: the target that was named, or the reference."""
    url = _given(pytestconfig, "target")
    if url:
        dsn = _given(pytestconfig, "database-url")
        return Backend(url, dsn, _pairs(pytestconfig, "set").get("model", ""))
    from harness.clients.extension import FREE_MODEL

    stage: RunningStage = request.getfixturevalue("rollout_stage")
    return Backend(stage.url, stage.dsn, FREE_MODEL)


@pytest.fixture(scope="session")
def rollout_gate(rollout_backend: Backend, pytestconfig: pytest.Config) -> "Callable[..., Report]":
    """The gate on that backend: `rollout_gate()` is the report; options as `harness.gate` has them."""
    from harness.library.gate import gate

    def judged(**options: Any) -> "Report":
        usual = _gate(pytestconfig) | {"free_model": rollout_backend.free_model}
        return gate(rollout_backend.url, rollout_backend.dsn, **(usual | options))

    return judged


def _folder(config: pytest.Config) -> str:
    option = config.getoption("--rollout")
    return str(
        option if option is not None else config.getini("rollout") or os.environ.get("HARNESS_ROLLOUT", "")
    )


def _is_another(config: pytest.Config) -> bool:
    """Whether another rollout than the plan's own is named."""
    if not _folder(config):
        return False
    from harness.rollout import default_folder

    return Path(_folder(config)).resolve() != default_folder().resolve()


def _refuse_another(config: pytest.Config) -> None:
    """Fails what is the plan's own rollout alone where another is named."""
    if _is_another(config):
        pytest.fail(f"--rollout {_folder(config)}: {_PLANS_OWN}")


def _given(config: pytest.Config, name: str) -> str:
    """What the command line says, else the ini file, else nothing."""
    option = config.getoption(f"--rollout-{name}")
    return str(option if option is not None else config.getini(_key(name)))


def _lines(config: pytest.Config, name: str) -> tuple[str, ...]:
    """What the command line says, else the ini file."""
    option = config.getoption(f"--rollout-{name}")
    return tuple(option if option is not None else config.getini(_key(name)))


def _pairs(config: pytest.Config, name: str) -> dict[str, str]:
    """Values by name. Raises UsageError for what is no NAME=VALUE, without quoting it."""
    pairs = [line.partition("=") for line in _lines(config, name)]
    if not all(key and equals for key, equals, _ in pairs):
        raise pytest.UsageError(f"--rollout-{name} takes {_REPEATED[name][0]}")
    return {key: value for key, _, value in pairs}


def _gate(config: pytest.Config) -> dict[str, Any]:
    """Options of the gate, as `harness.gate` takes them."""
    parameters = _pairs(config, "set")
    return {
        "free_model": parameters.get("model", ""),
        "level": _given(config, "level") or LEVELS[0],
        "build": "before" if _given(config, "build") == "before" else "after",
        "token": os.environ.get("HARNESS_AUTH_TOKEN"),
        "email": parameters.get("email") or os.environ.get("HARNESS_AUTH_EMAIL"),
        "request_headers": _lines(config, "request-header"),
        "waive": _pairs(config, "waive"),
    }


def _key(name: str) -> str:
    return f"rollout_{name.replace('-', '_')}"
