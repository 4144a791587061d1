"""What `.ci/run` is made of: a part that runs beside others fails it, is shown whole, and is not left running."""

import configparser
import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.database.processes import eventually

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "set -euo pipefail; source .ci/beside; trap beside_stop EXIT;"


def bash(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs it as `.ci/run` is run, with the functions for what runs beside."""
    return subprocess.run(
        ["bash", "-c", BEGIN + script],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_part_beside_is_shown_whole_where_it_is_waited_for() -> None:
    ended = bash("part() { echo out; echo err >&2; }; beside it part; echo meanwhile; joined it; echo after")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "meanwhile",
        "--- it, which ran beside others; exit code 0",
        "out",
        "err",
        "after",
    ]


@pytest.mark.parametrize("fails", ["false", "exit 7", "unset_command", "ls /nonexistent | cat"])
def test_a_part_beside_that_fails_fails_ci(fails: str) -> None:
    ended = bash(f"part() {{ echo begun; {fails}; echo never; }}; beside it part; joined it; echo never")
    assert ended.returncode != 0
    assert "begun" in ended.stdout
    assert "never" not in ended.stdout


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see a process's end")
def test_a_part_beside_ends_with_ci_and_is_told(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    part = 'part() { echo begun; sleep 1000 & echo $! >"$FILE"; wait; }'
    ended = bash(f'{part}; beside it part; until [ -s "$FILE" ]; do sleep 0.01; done; false', FILE=str(file))
    assert ended.returncode == 1
    assert "it: ended, since CI ended before it was waited for" in ended.stderr
    assert "begun" in ended.stderr
    process = Path("/proc", file.read_text().strip())
    eventually(lambda: None if process.exists() else True)  # it was ended; whoever inherits it lets it go


def test_a_part_beside_that_failed_before_ci_did_is_told() -> None:
    ended = bash(
        "part() { echo begun; exit 7; }; beside it part; while kill -0 $!; do sleep 0.01; done; exit 1"
    )
    assert ended.returncode == 1
    assert "it, which ran beside others; exit code 7\nbegun\n" in ended.stderr


def unnamed(command: str, files: Iterable[Path], mark: str) -> list[str]:
    """Files with tests of the mark that a command of tox, which names files, leaves out."""
    marked = [str(file.relative_to(ROOT)) for file in files if f"pytest.mark.{mark}" in file.read_text()]
    return sorted(set(marked) - set(re.findall(r"tests/[\w/.]+", command)))


@pytest.mark.parametrize(("environment", "mark"), [("browser", "browser"), ("docs", "docs")])
def test_an_environment_names_every_file_with_its_mark(environment: str, mark: str) -> None:
    """Else pytest would import all tests to find a few."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    command = tox[f"testenv:{environment}"]["commands"]
    files = [file for file in (ROOT / "tests").rglob("test_*.py") if file != Path(__file__)]
    assert unnamed(command, files, mark) == []
    first, *_ = re.findall(r"tests/[\w/.]+", command)
    assert unnamed(command.replace(first, ""), files, mark) == [first]
