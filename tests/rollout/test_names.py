"""Modules and templates that work on any rollout hold no name of the plan's: by their strings, names and SQL."""

import ast
from pathlib import Path

import pytest
import sqlparse

from tests.command import ROOT

FORBIDDEN = ("posthog", "distinct_id", "microdollar", "kilocode", "vscode", "machine_id", "kilo_")
MODULES = (
    *sorted((ROOT / "harness" / "rollout").glob("*.py")),
    *(ROOT / "harness" / name for name in ("json_schema.py", "database/relations.py", "cli/rollout.py")),
    *sorted((ROOT / "harness" / "run").glob("clean*.py")),
    *sorted((ROOT / "harness" / "run").glob("coverage*.py")),
    *sorted((ROOT / "harness" / "run").glob("rollout_*.py")),
    *sorted((ROOT / "harness" / "clients").glob("*.py")),
    *(
        ROOT / "harness" / "checks" / name
        for name in ("extension.py", "persistence.py", "linkability.py", "persons.py")
    ),
    *(
        ROOT / "harness" / "run" / name
        for name in ("extension.py", "linkability.py", "persons.py", "check_client.py")
    ),
    *(ROOT / "harness" / "run" / name for name in ("proof.py", "prove.py")),
    *sorted((ROOT / "harness" / "run" / "options").glob("*.py")),
)
TEMPLATES = tuple(
    ROOT / "sql" / "queries" / f"{name}.sql"
    for name in (
        *(
            "coverage",
            "coverage_crowds",
            "coverage_links",
            "coverage_nobody",
            "coverage_reach",
            "coverage_shared",
        ),
        *("coverage_users", "run_rows", "runs_rows", "delete_detail", "delete_main", "marked_rows"),
        *("half_marked_rows", "lookup_tables", "agents_readable"),
    )
)
"""What was brought over to the rollout's file; the others follow, and none goes back."""


def texts_of(path: Path) -> list[str]:
    """Names and strings of a module without its docstrings; a template's SQL without comments."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".sql":
        return [sqlparse.format(source, strip_comments=True)]
    tree = ast.parse(source)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in said:
                texts.append(text)
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
                texts.append(name)
    return texts


def found_in(path: Path) -> list[str]:
    return [f"{word} in {text!r}" for text in texts_of(path) for word in FORBIDDEN if word in text.lower()]


@pytest.mark.parametrize("path", [*MODULES, *TEMPLATES], ids=lambda path: path.name)
def test_generic_code_knows_no_name(path: Path) -> None:
    assert found_in(path) == []
    assert "255" not in [str(node.value) for node in ast.walk(_tree(path)) if isinstance(node, ast.Constant)]


def _tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8") if path.suffix == ".py" else "")


@pytest.mark.parametrize(
    ("name", "text"), [("a.py", "x = 'microdollar_usage'"), ("a.sql", "SELECT kilo_user_id")]
)
def test_a_name_is_found_where_there_is_one(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert len(found_in(tmp_path / name)) == 1
