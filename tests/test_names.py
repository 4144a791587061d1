"""Generic code knows no name: by syntax tree and SQL tokens, nothing of one rollout stands in `harness/` and `sql/`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import sqlparse

ROOT = Path(__file__).parents[1]
NAMES = re.compile("posthog|distinct_id|microdollar|kilocode|vscode|machine_id|kilo_", re.IGNORECASE)
BOUND = 255
"""The plan's bound on a value."""
IN_TEXT = re.compile(rf"{NAMES.pattern}|(?<![\w.]){BOUND}(?![\w.])", re.IGNORECASE)
"""In a text the bound may be SQL's or a pattern's."""


BYTES = {
    ("harness/cli/parameters.py", "0xFF"),
    ("harness/rule/accepted_values.py", "0xFF"),
    ("harness/rule/matching_edits.py", "0xFF"),
}
"""All exceptions: a byte's highest value, by the file that has it."""


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, str):
                yield item


def _described(node: ast.AST) -> bool:
    """Whether it is a docstring, of a module, a definition or an attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not _described(node):
            yield node
            yield from _nodes(node)


def in_python(code: str) -> Iterator[tuple[int, str]]:
    """Each string, name and identifier with one of the names in it, and each literal of the bound, by its line."""
    for node in _nodes(ast.parse(code)):
        line = getattr(node, "lineno", 0)
        for _, value in ast.iter_fields(node):
            yield from ((line, text) for text in _texts(value) if IN_TEXT.search(text))
            if type(value) is int and value == BOUND and isinstance(node, ast.Constant):
                yield line, ast.get_source_segment(code, node) or str(value)


def in_sql(code: str) -> Iterator[tuple[int, str]]:
    """Each token of SQL, a comment is one, with one of the names in it or the bound."""
    line = 1
    for statement in sqlparse.parse(code):
        for token in statement.flatten():  # type: ignore[no-untyped-call]
            if IN_TEXT.search(token.value):
                yield line, token.value
            line += token.value.count("\n")


def hits() -> Iterator[tuple[str, int, str]]:
    """All in `harness/` and `sql/`: file, line, text."""
    for folder, suffix, read in (("harness", "py", in_python), ("sql", "sql", in_sql)):
        for path in sorted((ROOT / folder).rglob(f"*.{suffix}")):
            name, code = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            if NAMES.search(name):
                yield name, 0, "the file's name"
            if NAMES.search(code) or re.search(
                rf"{BOUND}|{BOUND:#x}", code, re.IGNORECASE
            ):  # to parse the others would take most of the time
                yield from ((name, line, text) for line, text in read(code))


def test_no_name_of_one_rollout() -> None:
    found = list(hits())
    assert [f"{file}:{line} {text}" for file, line, text in found if (file, text) not in BYTES] == []
    assert {(file, text) for file, _, text in found} == BYTES


def test_each_kind_of_name_is_found() -> None:
    code = "\n".join(
        (
            '"""posthog in a docstring"""',
            "from a import kilo_b",
            "KILOCODE = 'x-posthog-id', b'vscode', f'{1} machine_id'",
            "async def distinct_id(microdollar: int, *, k=1): return microdollar <= 255 < 0xFF",
            "call(kilo_user=x.vscode)",
            "f'CHECK (length({c}) <= 255)', '12550'",
        )
    )
    assert [line for line, _ in in_python(code)].count(1) == 0
    texts = " ".join(sorted(text.strip() for _, text in in_python(code)))
    assert texts == (
        ") <= 255) 0xFF 255 KILOCODE distinct_id kilo_b kilo_user machine_id microdollar microdollar vscode vscode "
        "x-posthog-id"
    )
    assert [text for _, text in in_sql("-- posthog\nSELECT kilo_user_id FROM t WHERE length(v) < 255")] == [
        "-- posthog\n",
        "kilo_user_id",
        "255",
    ]
