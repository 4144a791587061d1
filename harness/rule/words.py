"""Texts that an expression or a behaviour accepts: the shortest and the longest, and some between. Pure."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from harness.automata.bounds import bounds_of
from harness.automata.tree import Alternation, Anchor, CharacterSet, Node, Repetition
from harness.rule.behaviour import HeaderBehaviour
from harness.rule.behaviour_operations import Matching, Taking
from harness.rule.cases import HEADER_BLOCK_MAX, HEADER_BLOCK_REST
from harness.rule.policy import FIELD_BYTES

BEYOND: Final = 45
"""How many more than the least a repetition without a bound is written."""

VALUE_MAX: Final = HEADER_BLOCK_MAX - 2 * HEADER_BLOCK_REST

ALTERNATIVES_MAX: Final = 40

_PREFERRED: Final = "aZ9-_bY8.cX7"

_FIELD: Final = tuple(map(chr, FIELD_BYTES))


def words_of(behaviour: HeaderBehaviour) -> tuple[str, ...]:
    """Texts that the behaviour accepts: the shortest and the longest of its expression, and some between."""
    found: list[str] = []
    for _, operation in behaviour.operations:
        if isinstance(operation, Matching):
            found += _words(operation.tree)
        elif isinstance(operation, Taking) and operation.unit != "bytes":
            found += ["a" * operation.most]
    return tuple(dict.fromkeys(word for word in (*found, "a", "aZ9") if word and len(word) <= VALUE_MAX))


def _words(tree: Node) -> Iterator[str]:
    least, most = bounds_of(tree)
    for turn in range(3):
        yield word(tree, 0, turn)
    yield word(tree, least + 6, 1)
    if most is not None:
        yield word(tree, most, 0)
        yield word(tree, most, 2)
    options = tree.options if isinstance(tree, Alternation) else ()
    yield from (word(option, 0, 0) for option in islice(options, ALTERNATIVES_MAX))


def word(tree: Node, room: int, turn: int) -> str:
    """A text that fits: the shortest, or one that grows towards so many characters; `turn` varies its letters."""
    match tree:
        case CharacterSet(ranges):
            return _character(CharacterSet(ranges), turn)
        case Alternation(options):
            return word(options[turn % len(options)], room, turn)
        case Repetition(part, least, most):
            times = least
            width = max(1, len(word(part, 0, turn)))
            while (
                (most is None or times < most) and times * width < room and times < least + max(room, BEYOND)
            ):
                times += 1
            # What room is left when there may be no more of them, each takes in turn.
            spare, repeated = room - times * width, []
            for at in range(times):
                own = len(word(part, 0, turn + at))
                repeated.append(word(part, own + max(0, spare), turn + at))
                spare -= len(repeated[-1]) - own
            return "".join(repeated)
        case Anchor():
            return ""
        case _:
            written, fixed = [], sum(len(word(part, 0, turn)) for part in tree.parts)
            for at, part in enumerate(tree.parts):
                own = len(word(part, 0, turn))
                written.append(word(part, max(0, room - fixed + own), turn + at))
                fixed += len(written[-1]) - own
            return "".join(written)


def _character(part: CharacterSet, turn: int) -> str:
    few = _few(part)
    return few[turn % len(few)] if few else ""


@lru_cache(maxsize=1024)
def _few(part: CharacterSet) -> tuple[str, ...]:
    """Some characters of a set, plain ones first."""
    held = (
        each for each in (*_PREFERRED, *_FIELD) if any(low <= ord(each) <= high for low, high in part.ranges)
    )
    few = tuple(islice(dict.fromkeys(held), 5))
    return few or tuple(chr(low) for low, _ in part.ranges[:1])
