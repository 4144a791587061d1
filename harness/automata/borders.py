"""A few texts at the borders of a machine: of its classes of bytes, and of its lengths."""

from collections.abc import Iterator

from harness.automata.identification import Identified
from harness.automata.letters import FIELD_BYTES


def border_texts(rule: Identified) -> Iterator[bytes]:
    """Beginnings of the longest access word and what follows it, border bytes in the shortest accepted text, and each
    class at the edges of the longest. Some come more than once.
    """
    longest = _longest(rule)
    letter = longest[-1:] or next(rule.machine.letters)
    yield from (longest[:length] for length in (0, 1, 2, len(longest) - 1, len(longest)) if length >= 0)
    yield from (longest + letter * times for times in (1, 2))
    shortest = _shortest(rule)
    for byte in _border_bytes(rule):
        border = bytes([byte])
        yield from (shortest[:-1] + border, shortest + border, border + shortest[1:])
    for first in rule.machine.letters:
        yield from (first + longest[1:], longest[:-1] + first)


def _longest(rule: Identified) -> bytes:
    """The longest access word that may still be accepted, and its last letter again for as long as it leads on."""
    machine = rule.machine
    live = [state for state in range(rule.states) if not machine.is_dead(state)]
    if not live:
        return b""
    word, state, classes = (
        rule.access[live[-1]],
        live[-1],
        machine.class_of(),
    )  # states are numbered by breadth
    letter = word[-1:] or next(machine.letters)
    while machine.table[state][classes[letter[0]]] in live:
        state = machine.table[state][classes[letter[0]]]
        live.remove(state)
        word += letter
    return word


def _shortest(rule: Identified) -> bytes:
    return next(
        (word for word, answer in zip(rule.access, rule.machine.answers, strict=True) if answer is not False),
        b"",
    )


def _border_bytes(rule: Identified) -> Iterator[int]:
    """Bytes of which a neighbour is of another class; one that HTTP refuses is of none."""
    classes = rule.machine.class_of()
    for byte in FIELD_BYTES:
        if any(classes.get(neighbour) != classes[byte] for neighbour in (byte - 1, byte + 1)):
            yield byte
