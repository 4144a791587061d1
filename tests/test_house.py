"""The house stays in order: imports go downwards, names stand in one place, and files stay small."""

import ast
from pathlib import Path

import pytest
from importlinter import cli

from harness import plan

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "harness").rglob("*.py"))
NAMES = (plan.HEADER, plan.COLUMN, plan.INDEX, plan.USAGE_TABLE, plan.USERS_TABLE, plan.VIEW)


def test_imports_go_downwards_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.lint_imports(no_cache=True) == cli.EXIT_STATUS_SUCCESS


def test_names_of_the_rollout_stand_in_the_plan_only() -> None:
    found = [
        f"{module.relative_to(ROOT)}: {name}"
        for module in MODULES
        if module.name != "plan.py"
        for name in NAMES
        if name in module.read_text(encoding="utf-8")
    ]
    assert found == []


def test_functions_are_under_seventy_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in (*MODULES, *sorted((ROOT / "tests").rglob("*.py")))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= 70
    ]
    assert long == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT)) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
