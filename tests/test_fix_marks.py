"""Which entries of a catalogue a run has: the default its first, the catalogue's every fourth of the others."""

import re
from pathlib import Path

from tests.command import pytest_command

CATALOGUE = """
import pytest


@pytest.mark.catalogue
@pytest.mark.parametrize("entry", range(10))
def test_entry(entry: int) -> None:
    pass


@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize("entry", range(3))
def test_each(entry: int) -> None:
    pass


@pytest.mark.catalogue
def test_alone() -> None:
    pass


@pytest.mark.catalogue(in_proof=True)
@pytest.mark.parametrize("entry", range(2))
def test_proven(entry: int) -> None:
    pass


@pytest.mark.catalogue(in_default=False)
@pytest.mark.parametrize("entry", range(2))
def test_late(entry: int) -> None:
    pass


def test_another() -> None:
    pass
"""
DEFAULT = ["test_entry[0]", "test_each[0]", "test_another"]
SAMPLE = ["test_entry[4]", "test_entry[8]", "test_each[1]", "test_each[2]", "test_alone", "test_late[0]"]


def ran(folder: Path, *arguments: str, **environment: str) -> tuple[list[str], str]:
    """The tests that are run, and what is printed."""
    (folder / "test_one.py").write_text(CATALOGUE)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = catalogue\n")
    words = ("-v", "-p", "no:cacheprovider", "-p", "tests.fix_marks", str(folder), *arguments)
    ended = pytest_command(*words, env={"PATH": ""} | environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return re.findall(r"::(\S+) PASSED", ended.stdout), ended.stdout


def test_default_run_has_the_first_and_the_catalogues_others(tmp_path: Path) -> None:
    assert ran(tmp_path)[0] == DEFAULT
    chosen, printed = ran(tmp_path, "-m", "catalogue")
    assert chosen == SAMPLE
    assert "ran 6 of 18 entries; tox run -e py has 2, tox run -e proof proves 2; all: HARNESS" in printed


def test_all_are_run_where_all_are_asked_for(tmp_path: Path) -> None:
    chosen, printed = ran(tmp_path, "-m", "catalogue", HARNESS_CATALOGUE="all")
    assert len(chosen) == 18
    assert "entries; " not in printed


def test_what_is_left_out_is_said_where_workers_ran_the_tests(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(CATALOGUE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = catalogue\n")
    words = ("-p", "no:cacheprovider", "-p", "tests.fix_marks", str(tmp_path), "-n", "1", "-m", "catalogue")
    assert "ran 6 of 18 entries" in pytest_command(*words, env={"PATH": ""}).stdout
