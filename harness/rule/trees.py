"""Edits of an expression's tree: its parts by their paths, and each of them replaced or taken out. Pure."""

from collections.abc import Callable, Iterator

from harness.automata.bounds import bounds_of
from harness.automata.tree import Alternation, CharacterSet, Concatenation, Node, Repetition

Path = tuple[int, ...]
"""From the root: which part, which option; 0 for what is repeated."""


def parts_of(tree: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Each part with its path, the whole first."""
    yield path, tree
    for place, child in enumerate(children_of(tree)):
        yield from parts_of(child, (*path, place))


def replaced(tree: Node, path: Path, change: Callable[[Node], Node | None]) -> Node | None:
    """The tree with one part changed; None where there is no such part, or the change does not fit it."""
    if not path:
        return change(tree)
    children = children_of(tree)
    if path[0] >= len(children):
        return None
    changed = replaced(children[path[0]], path[1:], change)
    if changed is None:
        return None
    return _with_children(tree, (*children[: path[0]], changed, *children[path[0] + 1 :]))


def without(tree: Node, path: Path) -> Node | None:
    """The tree without a part of a concatenation or an option; None where there is none, or nothing would be left."""
    *above, place = path

    def shortened(parent: Node) -> Node | None:
        children = children_of(parent)
        if isinstance(parent, Repetition) or place >= len(children) or len(children) < 2:
            return None
        return _with_children(parent, (*children[:place], *children[place + 1 :]))

    return replaced(tree, tuple(above), shortened)


def every_set(tree: Node, change: Callable[[CharacterSet], CharacterSet]) -> Node:
    """The tree with each of its sets changed."""
    if isinstance(tree, CharacterSet):
        return change(tree)
    return _with_children(tree, tuple(every_set(child, change) for child in children_of(tree)))


def is_ambiguous(tree: Node) -> bool:
    """Whether what is repeated varies in length itself: a search that goes back may then take for ever."""
    return any(
        isinstance(part, Repetition) and part.most != 1 and not bounds_of(part.part).is_one
        for _, part in parts_of(tree)
    )


def children_of(tree: Node) -> tuple[Node, ...]:
    """What a part consists of."""
    match tree:
        case Concatenation(parts):
            return parts
        case Alternation(options):
            return options
        case Repetition(part):
            return (part,)
        case _:
            return ()


def _with_children(tree: Node, children: tuple[Node, ...]) -> Node:
    match tree:
        case Concatenation():
            return Concatenation(children)
        case Alternation():
            return Alternation(children)
        case Repetition(_, least, most):
            return Repetition(children[0], least, most)
        case _:
            return tree
