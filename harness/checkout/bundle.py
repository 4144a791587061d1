"""A client's module with what it imports, as one CommonJS text without types, to be run under Node.

Of the checkout's own modules those are taken in that need nothing but such modules, and what the host has; all else is
for whoever runs it.
"""

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tree_sitter import Node

from harness.checkout.modules import Declared, Imported, Module, Modules
from harness.checkout.source import string_of, text_of
from harness.data import fixture_path
from harness.errors import UnavailableError
from harness.rule.node import node_path

MODULES_MAX: Final = 60
SECONDS_MAX: Final = 30.0
_START: Final = """
const loaded = {};
const load = number => {
  if (!loaded[number]) {
    loaded[number] = {};
    bundled[number](loaded[number], name => name in links[number] ? load(links[number][name]) : outer(name));
  }
  return loaded[number];
};
"""


def bundle(checkout: Path, path: Path, symbol: str) -> str:
    """The module of a file as one text that exports `symbol` alone.

    Raises UsageError for a file that cannot be read, UnavailableError where Node cannot take the types out.
    """
    modules = Modules(checkout)
    taken = [_declaring(modules, modules.read(path), symbol)]
    links: list[dict[str, int]] = []
    for module in taken:  # grows while it is gone through
        links.append({})
        for specifier in dict.fromkeys(imported.specifier for imported in _needed(module)):
            found = modules.resolve(specifier, module)
            if found is None or found.suffix == ".json" or not _is_light(modules, modules.read(found)):
                continue
            target = modules.read(found)
            if target not in taken and len(taken) < MODULES_MAX:
                taken.append(target)
            if target in taken:
                links[-1][specifier] = taken.index(target)
    texts = _without_types([_common_js(module) for module in taken])
    bodies = ",\n".join(f"(exports, require) => {{\n{text}\n}}" for text in texts)
    first = f"const outer = require;\nconst bundled = [{bodies}];\nconst links = {json.dumps(links)};"
    return f"'use strict';\n{first}{_START}exports.{symbol} = load(0).{symbol};\n"


def _declaring(modules: Modules, module: Module, symbol: str) -> Module:
    """The module that declares what another one only passes on."""
    declared = modules.exported(module, symbol)
    return declared.module if isinstance(declared, Declared) else module


@cache
def _packages_of_host() -> frozenset[str]:
    """Packages that the host of an extension has, here and for real; with or without `node:`."""
    return frozenset(json.loads(fixture_path("extension/packages.json").read_text(encoding="utf-8")))


def _needed(module: Module) -> tuple[Imported, ...]:
    return (*module.imports.values(), *module.passed_on.values())


def _is_light(modules: Modules, module: Module, depth: int = 0) -> bool:
    """Whether a module needs only such modules, and the host: then it is constants and small functions."""
    if depth > 8 or module.stars:
        return False
    of_host = _packages_of_host()
    for imported in (each for each in _needed(module) if not each.is_type):
        found = modules.resolve(imported.specifier, module)
        if found is None and imported.specifier.removeprefix("node:") in of_host:
            continue
        if found is None or not _is_light(modules, modules.read(found), depth + 1):
            return False
    return True


def _common_js(module: Module) -> str:
    """The module's text with `require` and `exports` in place of `import` and `export`; types stay."""
    data, parts, at, names = module.source.data, [], 0, []
    for statement in module.source.root.named_children:
        if statement.type not in {"import_statement", "export_statement"}:
            continue
        parts.append(data[at : statement.start_byte].decode("utf-8", "replace"))
        at = statement.end_byte
        if statement.type == "import_statement":
            parts.append("".join(_required(statement)))
            continue
        declaration = statement.child_by_field_name("declaration")
        if declaration is not None:
            parts.append(text_of(declaration))
    parts.append(data[at:].decode("utf-8", "replace"))
    for outer, inner in module.exports.items():
        imported = module.imports.get(inner)
        is_value = inner in module.values or (imported is not None and not imported.is_type)
        if is_value and outer != "default":
            names.append(f"exports.{outer} = {inner};")
    for outer, passed in module.passed_on.items():
        if not passed.is_type and outer != "default":
            inner = "" if passed.name == "*" else f".{passed.name}"
            names.append(f"exports.{outer} = require({json.dumps(passed.specifier)}){inner};")
    return "".join(parts) + "\n" + "\n".join(names)


def _required(statement: Node) -> Iterator[str]:
    specifier = string_of(statement.child_by_field_name("source")) or ""
    if any(child.type == "type" for child in statement.children):
        return
    required = f"require({json.dumps(specifier)})"
    for clause in statement.named_children:
        for part in clause.named_children if clause.type == "import_clause" else ():
            if part.type == "identifier":
                yield f"const {text_of(part)} = {required}.default ?? {required};"
            elif part.type == "namespace_import":
                yield f"const {text_of(part.named_children[0])} = {required};"
            elif part.type == "named_imports":
                pairs = [
                    f"{text_of(each.child_by_field_name('name'))}: "
                    f"{text_of(each.child_by_field_name('alias') or each.child_by_field_name('name'))}"
                    for each in part.named_children
                    if each.type == "import_specifier"
                    and not any(child.type == "type" for child in each.children)
                ]
                yield f"const {{ {', '.join(pairs)} }} = {required};"


def _without_types(sources: list[str]) -> list[str]:
    try:
        done = subprocess.run(
            [str(node_path()), "--no-warnings", str(fixture_path("checkout/strip.js"))],
            input=json.dumps(sources),
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"Node cannot take the types out: {error}; run again") from None
    if done.returncode:
        reason = next(
            (line for line in done.stderr.splitlines() if "Error" in line), "it ended with an error"
        )
        raise UnavailableError(f"Node cannot take the types out: {reason}; is the file whole?")
    texts: list[str] = json.loads(done.stdout)
    return texts
