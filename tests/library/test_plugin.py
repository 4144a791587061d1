"""The pytest plugin as somebody's own tests use it, in a process of their own, with and without workers."""

from importlib.metadata import entry_points
from pathlib import Path

import psycopg
import pytest

from harness import stage
from harness.data import fixture_path
from harness.database.server import Server
from harness.errors import UnavailableError
from harness.library.share import SharedServer, asked
from harness.rule.level import Level
from harness.run.gate_claims import claims_of as gate_claims
from harness.run.proof_claims import claims_of
from tests.command import pytest_command
from tests.fix_orders import ORDERS, Orders

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
    report = rollout_gate(waive={"I1": "no account", "I2": "no account"})
    assert report.verdict == "GO", [one.findings for one in report.judgements]
"""
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
    [((), 6), (("-n", "2", "-k", "server or database or stage"), 4)],
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
        ("--rollout-set=nonsense=1", "*no such parameter; model or email*"),
        (
            "--rollout-target=http://a --rollout-database-url=postgresql:///x",
            "*needs --rollout-set model=ID*",
        ),
        ("--rollout-waive=V1", "*takes CLAIM=REASON*"),
        ("--rollout-target=http://127.0.0.1:1", "*--rollout-target needs --rollout-database-url*"),
    ],
)
def test_options_that_are_wrong_end_it_at_once(theirs: pytest.Pytester, option: str, problem: str) -> None:
    ended = run_pytest(theirs, *PLUGIN, *option.split())
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines([problem])


def test_another_rollout_has_its_file_database_and_claims(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import psycopg

        def test_file(rollout):
            assert rollout.name == "machine-id"

        def test_database(rollout_database):
            with psycopg.connect(rollout_database) as connection:
                connection.execute("SELECT machine_id FROM microdollar_usage_metadata")

        def test_stage(rollout_stage):
            assert False, "never reached"
        """
    )
    folder = f"--rollout={fixture_path('rollouts/machine-id')}"
    ended = run_pytest(pytester, *PLUGIN, "-p", "no:asyncio", folder)
    ended.assert_outcomes(passed=2, errors=1)
    ended.stdout.fnmatch_lines(["*are the plan's own rollout's so far*"])
    claims = run_pytest(pytester, *PLUGIN, folder, "--rollout-claims", "-k", "E5 or M3")
    claims.assert_outcomes(passed=2, deselected=20)
    target = ("--rollout-target=http://localhost:1", "--rollout-database-url=postgresql://localhost:1/x")
    ended = run_pytest(pytester, *PLUGIN, folder, "--rollout-claims", *target, "--rollout-set=nosuch=1")
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    ended.stderr.fnmatch_lines(["*--rollout-set nosuch: rollout machine-id has no such parameter*"])


def test_claims_of_another_rollout_at_a_target(
    pytester: pytest.Pytester,
    server: Server,
    orders: Orders,
    orders_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(pytester.path))
    folder, dsn = f"--rollout={ORDERS}", f"--rollout-database-url={orders_dsn}"
    good = claims(pytester, server, folder, dsn, f"--rollout-target={orders()}", "-k", "V2 or M3")
    good.assert_outcomes(passed=2, deselected=11)
    wrong = claims(pytester, server, folder, dsn, f"--rollout-target={orders('lowered')}", "-k", "C2 or V3")
    wrong.assert_outcomes(passed=1, failed=1, deselected=11)
    wrong.stdout.fnmatch_lines(["*refuted by * of * observations*"])


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


def claims(pytester: pytest.Pytester, server: Server, *options: str) -> pytest.RunResult:
    return run_pytest(
        pytester,
        *PLUGIN,
        "-p",
        "no:asyncio",
        "--rollout-claims",
        f"--rollout-postgres={server.admin_dsn}",
        *options,
    )


def test_each_claim_is_a_test(pytester: pytest.Pytester, server: Server) -> None:
    pytester.makepyfile("def test_not_asked_for(): assert False")
    count = len(claims_of(Level.SMOKE))
    claims(pytester, server, "-n", "2", "--junitxml=junit.xml").assert_outcomes(passed=count)
    junit = (pytester.path / "junit.xml").read_text()
    assert junit.count("<testcase ") == count
    assert '<property name="observed"' in junit


def test_a_refuted_claim_fails_with_its_replay(pytester: pytest.Pytester, server: Server) -> None:
    ended = claims(pytester, server, "--rollout-build=limit-256", "-k", "V2 or V1")
    ended.assert_outcomes(passed=1, failed=1, deselected=len(claims_of(Level.SMOKE)) - 2)
    ended.stdout.fnmatch_lines(
        [
            "V2: A header of 255 characters is stored, one of 256 is not.",
            "refuted by * of * observations",
            "*replay * harness replay '--line=*' --build=limit-256",
        ]
    )
    again = claims(pytester, server, "--lf", "--collect-only", "-q")
    again.stdout.fnmatch_lines(["rollout::V2"])
    assert "rollout::V1" not in again.stdout.str()


@pytest.mark.parametrize(
    ("options", "outcome"),
    [((), {"failed": 1}), (("--rollout-waive=I1=no test account",), {"skipped": 1})],
    ids=["unknown fails", "waived is skipped"],
)
def test_what_is_unknown_at_a_target(
    pytester: pytest.Pytester,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    outcome: dict[str, int],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(pytester.path))
    with stage(postgres=server.admin_dsn) as running:
        target = (f"--rollout-target={running.url}", f"--rollout-database-url={running.dsn}")
        ended = claims(
            pytester, server, *target, "--rollout-set=model=harness/stub:free", "-k", "I1", *options
        )
    ended.assert_outcomes(**outcome, deselected=len(gate_claims("after")) - 1)


def test_claims_of_the_database_send_nothing(pytester: pytest.Pytester, server: Server) -> None:
    with stage(postgres=server.admin_dsn) as running:
        target = (f"--rollout-target={running.url}", f"--rollout-database-url={running.dsn}")
        ended = claims(pytester, server, *target, "--rollout-set=model=harness/stub:free", "-k", "M3 or M4")
        with psycopg.connect(running.dsn) as connection:
            query = "SELECT count(*) FROM microdollar_usage WHERE created_at > now() - interval '1 hour'"
            before = connection.execute(query).fetchone()
    ended.assert_outcomes(passed=2, deselected=len(gate_claims("after")) - 2)
    assert before == (0,)
