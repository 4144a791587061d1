"""The house stays in order: imports go downwards, names stand in one place, and files stay small."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from importlinter import cli

from harness import plan

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "harness").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
NAMES = (plan.HEADER, plan.COLUMN, plan.INDEX, plan.USAGE_TABLE, plan.USERS.table, plan.VIEW)


class Function(NamedTuple):
    line: int
    name: str
    lines: int


class Facts(NamedTuple):
    """What the tests below need of a file: of its tree nothing is kept, since there are 800 of them."""

    docstring: str | None
    functions: list[Function]
    classes: list[str]
    names: list[str]
    """Of classes, functions, arguments and fields."""
    clocks: list[str]
    patterns: list[str]
    """Parts of regular expressions that are given to `re.compile` as they are."""


@cache
def facts_of(path: Path) -> Facts:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    facts = Facts(ast.get_docstring(tree), [], [], [], [], [])
    for node in ast.walk(tree):
        facts.names.extend(_names(node))
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                lines = (node.end_lineno or 0) - node.lineno
                facts.functions.append(Function(node.lineno, node.name, lines))
            case ast.ClassDef():
                facts.classes.append(node.name)
            case ast.Attribute(attr="time" | "time_ns" | "ctime" | "now" | "utcnow"):
                facts.clocks.append(ast.unparse(node))
            case ast.Call(func=ast.Attribute(attr="compile"), args=[pattern, *_]):
                facts.patterns.extend(str(n.value) for n in ast.walk(pattern) if isinstance(n, ast.Constant))
    return facts


def test_imports_go_downwards_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.lint_imports(no_cache=True) == cli.EXIT_STATUS_SUCCESS


def test_names_of_the_rollout_stand_in_its_folder_only() -> None:
    found = [
        f"{module.relative_to(ROOT)}: {name}"
        for module in MODULES
        for name in NAMES
        if name in module.read_text(encoding="utf-8")
    ]
    assert found == []


def test_functions_are_under_seventy_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{function.line} {function.name}"
        for path in (*MODULES, *TESTS)
        for function in facts_of(path).functions
        if function.lines >= 70
    ]
    assert long == []


def test_names_of_tests_have_at_most_sixty_characters() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{function.line} {function.name}"
        for path in TESTS
        for function in facts_of(path).functions
        if function.name.startswith("test_") and len(function.name) > 60
    ]
    assert found == [], "what is long goes into the id of a parameter"


WALL_CLOCK = {
    "backend/upstream.py": "when a completion was created, as a model tells it",
    "checks/gate.py": "when a request was judged",
    "cli/unforeseen.py": "the name and the head of a file of details",
    "run/accept.py": "how old a report is",
    "run/check_handler.py": "since when rows are looked for",
    "run/check_slice.py": "since when rows are looked for",
    "run/doctor_target.py": "how far other clocks are off",
    "run/example_target.py": "the name of a run",
    "run/live/request_log.py": "when a request came, for people",
    "run/report.py": "when a run began",
    "sut/external.py": "a date to retry after, where the reply has none of its own",
    "sut/foreign_rows.py": "since when rows are looked for",
}
"""Modules that ask what time it is by people's clock, which may be wrong and may step, and what for: never to wait."""


def test_the_wall_clock_is_asked_for_stamps_alone() -> None:
    clocks = {"time.time", "time.time_ns", "time.ctime", "datetime.now", "datetime.utcnow"}
    found = {
        path.relative_to(ROOT / "harness").as_posix()
        for path in MODULES
        if clocks & set(facts_of(path).clocks)
    }
    assert found == set(WALL_CLOCK), "a wait goes by time.monotonic() or the loop's time()"


def test_no_pattern_has_a_possessive_group() -> None:
    """Python up to 3.11.4 backtracks into such a group (gh-106052), and Debian 12 has 3.11.2."""
    possessive = re.compile(r"\)(?:[*+?]|\{[\d,]+\})\+|\(\?>")
    found = {path.name for path in MODULES if any(map(possessive.search, facts_of(path).patterns))}
    assert found == set()


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path.relative_to(ROOT)) for path in MODULES if not facts_of(path).docstring]
    assert silent == []


def test_no_two_classes_have_one_name() -> None:
    modules: dict[str, list[str]] = {}
    for path in MODULES:
        for name in facts_of(path).classes:
            modules.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in modules.items() if len(found) > 1} == {}


# Words of a private language that the field's own have replaced: as a whole word of any name.
REPLACED = {
    "asks",
    "busy",
    "crossing",
    "docket",
    "doubts",
    "errand",
    "ground",
    "halfway",
    "harm",
    "heard",
    "hearing",
    "hunt",
    "itinerary",
    "journey",
    "lack",
    "ledger",
    "leg",
    "mended",
    "mishap",
    "passage",
    "plays",
    "recipe",
    "saw",
    "settle",
    "settled",
    "spoils",
    "sprung",
    "standing",
    "suspects",
    "tell",
    "ticket",
    "trap",
    "walk",
    "weigh",
    "wish",
    "witness",
}


def test_names_are_the_fields_own_words() -> None:
    private = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in MODULES
        for name in facts_of(path).names
        if REPLACED & {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
    ]
    assert private == []


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.ClassDef():
            return [node.name]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            return [node.name, *(argument.arg for argument in arguments)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []
