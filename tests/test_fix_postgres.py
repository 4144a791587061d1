"""How a test run gets its Postgres, and what becomes of it when there is none."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.database.server import Server
from tests.command import pytest_command

ONE_TEST = """
from harness.database.server import Server


def test_server_is_there(server: Server) -> None:
    with server.database():
        pass
"""

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run_pytest(tmp_path: Path) -> Run:
    """Exit code and output of a run of one test in another process: `run_pytest(*arguments, **environment)`."""
    (tmp_path / "test_one.py").write_text(ONE_TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    def run(*arguments: str, **environment: str) -> tuple[int, str]:
        return run_of_pytest(tmp_path, arguments, environment)

    return run


def run_of_pytest(
    folder: Path, arguments: tuple[str, ...], environment: Mapping[str, str]
) -> tuple[int, str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "PYTEST_"))
    }
    words = ("-p", "no:cacheprovider", "-p", "tests.fix_postgres", str(folder), *arguments)
    ended = pytest_command(*words, env=clean | dict(environment))
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize("arguments", [(), ("-n", "1")])
def test_run_skips_every_test_when_there_is_no_engine(run_pytest: Run, arguments: tuple[str, ...]) -> None:
    code, output = run_pytest(*arguments, HARNESS_POSTGRES="docker", DOCKER_HOST="unix:///nonexistent")
    assert code == 0
    assert "every test is skipped: no Docker engine answers at unix:///nonexistent" in output
    assert "Traceback" not in output


def test_run_fails_when_there_is_no_engine_and_one_is_required(run_pytest: Run) -> None:
    code, output = run_pytest(
        "--postgres", "docker", DOCKER_HOST="unix:///nonexistent", HARNESS_REQUIRE_DOCKER="1"
    )
    assert code == 1
    assert "no test was run: no Docker engine answers at unix:///nonexistent" in output


def test_run_is_refused_when_there_is_no_such_postgres(run_pytest: Run) -> None:
    code, output = run_pytest("--postgres", "mysql")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "no such Postgres: 'mysql'" in output


def test_workers_share_the_server_that_the_header_names(run_pytest: Run, server: Server) -> None:
    code, output = run_pytest("-n", "1", "--postgres", server.admin_dsn)
    assert code == 0, output
    assert f"postgres: {server.version} (dsn)" in output


def test_the_plugins_fixtures_are_what_ours_are_made_of(
    server: Server, rollout_server: Server, ready_dsn: str, rollout_database: str
) -> None:
    assert rollout_server is server  # one server for all, started once
    assert ready_dsn == rollout_database
