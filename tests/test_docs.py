"""The pages of docs/ and README: every Python block runs, and the library's page names what can be imported."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import harness

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def blocks(page: Path, language: str) -> list[Token]:
    tokens = MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))
    return [token for token in tokens if token.type == "fence" and token.info.split()[:1] == [language]]


PYTHON = [
    pytest.param(block.content, id=f"{page.name}:{block.map[0] + 1}")
    for page in PAGES
    for block in blocks(page, "python")
    if block.map
]


@pytest.mark.parametrize("program", PYTHON)
def test_a_python_block_runs(program: str, tmp_path: Path) -> None:
    script = tmp_path / "test_block.py"
    script.write_text(program, encoding="utf-8")
    has_tests = "\ndef test_" in program
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if has_tests else []
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, *command, str(script)],
        cwd=tmp_path,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_page_names_all_that_is_imported() -> None:
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    headings = "\n".join(line for line in page.splitlines() if line.startswith("###"))
    assert sorted(re.findall(r"`(\w+)`", headings)) == harness.__all__
