"""The pytest plugin as somebody's own tests use it, in a process of their own, with and without workers."""

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from harness.data import fixture_path
from harness.database.server import Server
from harness.errors import UnavailableError
from harness.library.share import SharedServer, asked
from tests.command import ROOT, pytest_command

IS_INSTALLED = any(point.value == "harness.pytest_plugin" for point in entry_points(group="pytest11"))
PLUGIN = () if IS_INSTALLED else ("-p", "harness.pytest_plugin")
"""From a checkout that is not installed it is named; where it is, naming it would register it twice."""
TESTS = """
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
import harness


@settings(max_examples=5, deadline=None)
@given(value=harness.header_values("bounds"))
def test_strategy(rollout_stage, value):
    assert rollout_stage.send(value).reply.status == 200


def test_stage(rollout_stage):
    assert rollout_stage.rows(rollout_stage.send("vscode-1"))[0].value == "vscode-1"


async def test_stage_in_a_loop(rollout_stage):
    assert (await rollout_stage.arows(await rollout_stage.asend("vscode-2")))[0].value == "vscode-2"


def test_database(rollout_database, rollout_server):
    with psycopg.connect(rollout_database) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM microdollar_usage").fetchone() == (True,)
    print("server", rollout_server.admin_dsn)


def test_server_is_one(rollout_server):
    print("server", rollout_server.admin_dsn)


def test_gate(rollout_gate):
    report = rollout_gate()
    assert report.verdict == "GO", [one.findings for one in report.judgements]
"""
TARGET = "--rollout-target=http://a --rollout-database-url=postgresql:///x --rollout-set=model=x"
INI = """
[pytest]
asyncio_mode = auto
rollout_level = smoke
"""


def run_pytest(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """What pytest makes of a folder, which `pytester` has moved into."""
    assert Path.cwd() == pytester.path
    done = pytest_command(*arguments)
    return pytest.RunResult(done.returncode, done.stdout.splitlines(), done.stderr.splitlines(), 0.0)


@pytest.fixture
def theirs(
    pytester: pytest.Pytester, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> pytest.Pytester:
    """Somebody's folder with six tests, on the server of this run."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    pytester.makeini(INI + f"rollout_postgres = {server.admin_dsn}\n")
    pytester.makepyfile(TESTS)
    return pytester


@pytest.mark.parametrize(
    ("options", "passed"),
    [((), 6), (("-n", "2", "-k", "server or database"), 2)],
    ids=["alone", "two workers"],
)
def test_fixtures_in_tests_of_others(theirs: pytest.Pytester, options: tuple[str, ...], passed: int) -> None:
    ended = run_pytest(theirs, *PLUGIN, *options)
    ended.assert_outcomes(passed=passed)
    ended.stdout.fnmatch_lines(["rollout: the reference, level smoke"])


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("--rollout-level=odd", "*'odd' is none of smoke, standard, exhaustive*"),
        ("--rollout-set=token=sesame", "*give a secret as HARNESS_AUTH_TOKEN*"),
        ("--rollout-set=nonsense=1", "*no such parameter; there are model, email, user_id*"),
        ("--rollout=nowhere", "*nowhere*"),
        (
            "--rollout-target=http://a --rollout-database-url=postgresql:///x",
            "*needs --rollout-set model=VALUE: a model*",
        ),
        ("--rollout-waive=V1", "*takes CLAIM=REASON*"),
        (
            f"--rollout-claims --rollout={ROOT / 'tests/rollouts/orders'}",
            "*no reference.insert*name one with --rollout-target*",
        ),
        ("--rollout-target=http://127.0.0.1:1", "*--rollout-target needs --rollout-database-url*"),
        ("--rollout-postgres=odd", "*no such Postgres: 'odd'; choose *"),
        ("--rollout-build=odd", "*unknown build 'odd'; *"),
        (
            f"{TARGET} --rollout-build=odd",
            "*--rollout-build 'odd' is none of before, after, which a target may*",
        ),
        (f"{TARGET} --rollout-claims --rollout-waive=Z9=why", "*cannot waive 'Z9': required are *"),
        (f"{TARGET} --rollout-claims --rollout-waive=V1=why", "*cannot waive V1: *are always required*"),
        (f"{TARGET} --rollout-request-header=odd", "*no NAME of letters*"),
        ("--rollout-claims --rollout-waive=I1=why", "*--rollout-waive needs --rollout-target: *"),
        ("--rollout-claims --rollout-json=no/such.json", "*cannot write no/such.json: *"),
    ],
)
def test_options_that_are_wrong_end_it_at_once(theirs: pytest.Pytester, option: str, problem: str) -> None:
    ended = run_pytest(theirs, *PLUGIN, *option.split())
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines([problem])


def test_another_rollout_has_its_file_database_and_stage(theirs: pytest.Pytester) -> None:
    theirs.makepyfile(
        """
        import harness
        import psycopg
        import pytest

        def test_file(rollout):
            assert rollout.name == "machine-id"

        def test_database(rollout_database):
            with psycopg.connect(rollout_database) as connection:
                connection.execute("SELECT machine_id FROM microdollar_usage_metadata")

        def test_stage(rollout_stage, rollout):
            for value in rollout.header.examples:
                (row,) = rollout_stage.rows(rollout_stage.send(value))
                assert row.value == harness.stored(value, rollout=rollout)
            with pytest.raises(harness.UsageError, match="'nobody' is no identity of rollout machine-id"):
                rollout_stage.send(caller="nobody")

        def test_gate(rollout_gate, rollout):
            report = rollout_gate()
            assert (report.verdict, report.subject) == ("GO", rollout.header.name)
        """
    )
    folder = f"--rollout={fixture_path('rollouts/machine-id')}"
    ended = run_pytest(theirs, *PLUGIN, "-p", "no:asyncio", folder)
    ended.assert_outcomes(passed=4)
    ended.stdout.fnmatch_lines(["rollout: *machine-id, the reference, level smoke"])


def test_a_server_is_shared_by_who_asks(server: Server) -> None:
    shared = SharedServer(server.admin_dsn)
    try:
        assert asked(shared.address) == asked(shared.address) == ("dsn", server.admin_dsn)
    finally:
        shared.close()
    with pytest.raises(UnavailableError, match="cannot be asked for"):
        asked(shared.address)


def test_a_server_that_does_not_start_is_told() -> None:
    shared = SharedServer("postgresql://me:sesame@127.0.0.1:1/x")
    try:
        with pytest.raises(UnavailableError, match="cannot connect"):
            asked(shared.address)
    finally:
        shared.close()
