"""What becomes of a header where it is read, cut out of a handler as a small module that can be run by itself.

From the expression that is put into what is accounted for, all that it is made of is gathered: declarations and
assignments of the function, declarations of the module's top level. Imports stay imports. What is left is given from
outside: the request, and stand-ins for the rest.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from tree_sitter import Node

from harness.checkout.interpreter import FUNCTIONS
from harness.checkout.module_text import runnable
from harness.checkout.modules import Module, bound_names
from harness.checkout.source import bare, inside, text_of

SLICE: Final = "__slice"
"""What the module exports: a function that is given what stands for a name, and returns the value."""
_GLOBAL: Final = frozenset(("undefined", "NaN", "Infinity", "arguments"))
"""Names that no declaration may have."""


def sliced(module: Module, reading: Node, given: Node | None) -> dict[str, Any] | None:
    """The module as the runner takes it; None where the value is not made in one function.

    `given` is the expression that is put into an object; None where that is done in another module. Where it is done in
    another function than the reading, the reading's own is called, which must have a name at the top level.
    """
    around = _function(reading)
    if around is None:
        return None
    if given is not None and _is_within(given, around):
        wanted = _branch(given, around, reading)
        local, text = _needed(wanted, around), text_of(wanted)
        outer = _outer(module, _names_in(wanted, *local), around)
    else:
        name = _name_of(around)
        if name not in module.values:
            return None
        wanted, local, text = None, [], f"{name}(__free('', true), __free('', true), __free('', true))"
        outer = _outer(module, {name}, None)
    inside_it = [*([] if wanted is None else [wanted]), *local]
    declared = {name for node in (*local, *outer) for name in _declares(node)}
    declared |= {name for node in inside_it for name in _parameters(node)}
    free = sorted(_names_in(*inside_it) - declared - module.imports.keys() - _GLOBAL)
    roots = _names_in(reading) | set(_parameters_of(around))
    given_names = [
        f"const {name} = __free({json.dumps(name)}, {json.dumps(name in roots)});" for name in free
    ]
    lines = [*given_names, *map(text_of, local), f"return ({text});"]
    whole = [*map(text_of, outer), f"const {SLICE} = async (__free) => {{", *lines, "};"]
    return runnable(module) | {
        "text": "\n".join(whole),
        "getters": f"__exports({{{SLICE}: () => {SLICE}}});",
        "exports": [SLICE],
        "passedOn": {},
        "stars": [],
    }


def _function(node: Node) -> Node | None:
    found: Node | None = node
    while found is not None and found.type not in FUNCTIONS:
        found = found.parent
    return found


def _name_of(function: Node) -> str:
    name = function.child_by_field_name("name")
    if name is None and function.parent is not None and function.parent.type == "variable_declarator":
        name = function.parent.child_by_field_name("name")
    return text_of(name)


def _branch(given: Node, around: Node, reading: Node) -> Node:
    """The part of an expression that has the header: of `a ? b : c` the branch with it, where only one has."""
    node = bare(given)
    while node.type == "ternary_expression":
        condition = node.child_by_field_name("condition")
        if condition is not None and _reaches(condition, around, reading):
            break  # it decides by the header, so it is a part of the rule
        parts = [node.child_by_field_name(name) for name in ("consequence", "alternative")]
        holding = [part for part in parts if part is not None and _reaches(part, around, reading)]
        if len(holding) != 1:
            break
        node = bare(holding[0])
    return node


def _reaches(node: Node, around: Node, reading: Node) -> bool:
    return any(_is_within(reading, part) for part in (node, *_needed(node, around)))


def _needed(wanted: Node, around: Node) -> list[Node]:
    """The statements of a function that an expression is made of, in their order."""
    found: dict[int, Node] = {}
    waiting = [wanted]
    while waiting:
        names = _names_in(waiting.pop())
        for statement in _statements(around):
            if statement.id not in found and names & _gives(statement):
                found[statement.id] = statement
                waiting.append(statement)
    return sorted(found.values(), key=lambda node: node.start_byte)


def _statements(function: Node) -> Iterator[Node]:
    body = function.child_by_field_name("body")
    yield from () if body is None or body.type != "statement_block" else body.named_children


def _gives(statement: Node) -> set[str]:
    """The names that a statement declares, or assigns within itself."""
    given = set(_declares(statement))
    if statement.type not in {"if_statement", "expression_statement", "switch_statement", "try_statement"}:
        return given
    if any(node.type == "return_statement" for node in inside(statement)):
        return given  # it ends the handler, which says nothing of the value
    for node in inside(statement):
        left = node.child_by_field_name("left") if node.type == "assignment_expression" else None
        if left is not None and left.type == "identifier":
            given.add(text_of(left))
    return given


def _declares(statement: Node) -> Iterator[str]:
    if statement.type in {"lexical_declaration", "variable_declaration"}:
        for declarator in statement.named_children:
            name = (
                declarator.child_by_field_name("name") if declarator.type == "variable_declarator" else None
            )
            if name is not None:
                yield from bound_names(name)
    elif statement.type in {"function_declaration", "class_declaration", "enum_declaration"}:
        yield text_of(statement.child_by_field_name("name"))


def _outer(module: Module, names: set[str], without: Node | None) -> list[Node]:
    """Declarations of the top level that names need, in the order of the text; not the function `without`."""
    found: dict[int, Node] = {}
    waiting = sorted(names)
    while waiting:
        declared = module.values.get(waiting.pop())
        if declared is None:
            continue
        statement = _statement(declared)
        if statement.id not in found and (without is None or not _is_within(without, statement)):
            found[statement.id] = statement
            waiting += sorted(_names_in(statement))
    return sorted(found.values(), key=lambda node: node.start_byte)


def _statement(node: Node) -> Node:
    """The declaration that a declared value stands in."""
    parent = node.parent
    return parent if node.type == "variable_declarator" and parent is not None else node


def _is_within(part: Node, whole: Node) -> bool:
    return whole.start_byte <= part.start_byte and part.end_byte <= whole.end_byte


def _names_in(*nodes: Node) -> set[str]:
    kinds = {"identifier", "shorthand_property_identifier"}
    return {text_of(each) for node in nodes for each in inside(node) if each.type in kinds}


def _parameters(node: Node) -> Iterator[str]:
    """Names that functions within a node declare themselves."""
    return (name for each in inside(node) if each.type in FUNCTIONS for name in _parameters_of(each))


def _parameters_of(function: Node) -> Iterator[str]:
    single, several = function.child_by_field_name("parameter"), function.child_by_field_name("parameters")
    for part in [single] if single is not None else [] if several is None else several.named_children:
        yield from bound_names(part.child_by_field_name("pattern") or part)
