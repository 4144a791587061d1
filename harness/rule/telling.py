"""Headers that tell behaviours apart: made of the texts that a behaviour accepts, each of them changed in many ways.

A pool, not a proof: what no header of it tells apart is counted as such by whoever asks.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from harness.automata.bounds import bounds_of
from harness.automata.tree import Node, Repetition
from harness.rule.behaviour import HeaderBehaviour, Lines
from harness.rule.behaviour_operations import Matching, Taking
from harness.rule.policy import FIELD_BYTES, OWS
from harness.rule.trees import parts_of, replaced
from harness.rule.words import _FIELD, VALUE_MAX, word, words_of

LENGTHS_MAX: Final = 300
SHORT: Final = 8
SHAPE_MOST: Final = 40
"""Places of a value that are looked at one by one."""
SHAPE_LEAST: Final = 4
EACH_PLACE_MAX: Final = 16
_BESIDE: Final = "afgzAFGZ059-_./:@[`{ \u00e9" + "btyBTY14678+,;=~"
"""The edges of the usual classes, and what stands beside them."""
_NBSP: Final = "\u00a0"
_SIGNS: Final = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"


def telling_headers(behaviour: HeaderBehaviour) -> tuple[Lines, ...]:
    """The pool of a behaviour, short headers first."""
    texts = dict.fromkeys(text for text in _texts(behaviour) if len(text) <= VALUE_MAX)
    decode = behaviour.reading.decode
    single = [(encoded(text, decode),) for text in texts]
    accepted = [encoded(word, decode) for word in words_of(behaviour)]
    pool = dict.fromkeys(lines for lines in ((), *single, *_several(accepted)) if _passes_http(lines))
    return tuple(sorted(pool, key=lambda lines: sum(map(len, lines))))


def encoded(text: str, decode: str) -> bytes:
    """The bytes that are read as this text; what latin-1 has no byte for is UTF-8."""
    try:
        return text.encode(decode)
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _passes_http(lines: Lines) -> bool:
    return not any(line.translate(None, FIELD_BYTES) for line in lines)


def _texts(behaviour: HeaderBehaviour) -> Iterator[str]:
    yield from ("", " ", "\t", "!", "a!", _NBSP, "%61", "a+b", '"', "Ã©", "é", "\x85a", "undefined", "null")
    for text in words_of(behaviour):
        yield from (text, text.upper(), text.lower(), text.swapcase(), text[:-1], text[1:])
        yield from (text + text[-1], text + text, text + text[-1] * 3, text + text[-1] * 300, text[0] + text)
        yield from (f"{edge}{text}" for edge in (" ", _NBSP, "\t", "\x85", "!", "!!", "!" * 40, "x-"))
        yield from (
            f"{text}{edge}" for edge in (" ", _NBSP, "\t", "\x85", "!", "!!", "!" * 40, ".", ",", ", ")
        )
        yield from (f"{edge}{text}{edge}" for edge in (_NBSP, "!", '"', "'", "\x85"))
        yield from (
            f"%{ord(text[0]):02x}{text[1:]}",
            f"{text[:-1]}+",
            f"{text}+{text}",
            f'"{text}"',
            text + "é",
        )
        yield from (f"{text[0]}{_NBSP}{text[1:]}", f"{text} {text}", f"{text}!{text}", text[::-1])
    yield from _repeated_otherwise(behaviour)
    yield from _in_each_place(min(words_of(behaviour), key=_shape_first))
    for text in _short(words_of(behaviour)):
        middle = len(text) // 2
        yield from (f"{text[:-1]}{sign}{sign}" for sign in _SIGNS)
        yield from (f"{text}{sign}{sign}{text}" for sign in _SIGNS)
        for character in _FIELD:
            yield from (character + text, text + character, text[:middle] + character + text[middle:])
            yield from (
                character + text[1:],
                text[:-1] + character,
                text[:middle] + character + text[middle + 1 :],
            )
    for _, operation in behaviour.operations:
        if isinstance(operation, Taking):
            yield from _around(operation.most)


def _repeated_otherwise(behaviour: HeaderBehaviour) -> Iterator[str]:
    for _, operation in behaviour.operations:
        if isinstance(operation, Matching):
            yield from repeated_otherwise(operation.tree)


def repeated_otherwise(tree: Node) -> Iterator[str]:
    """The longest text that fits, with one of its parts once more than it may be repeated, or at its least."""
    for path, part in parts_of(tree):
        if isinstance(part, Repetition):
            for times in (part.least, (part.most or part.least) + 1):
                changed = replaced(tree, path, partial(_as, Repetition(part.part, times, times)))
                if changed is not None:
                    yield word(changed, bounds_of(changed).longest or LENGTHS_MAX, 0)


def _as(other: Node, _: Node) -> Node:
    return other


def _shape_first(text: str) -> tuple[bool, int]:
    return len(text) < SHAPE_LEAST, len(text)


def _in_each_place(text: str) -> Iterator[str]:
    """A text with other characters in each of its places: all in a short one, those beside letters in a longer one."""
    characters = _FIELD if len(text) <= EACH_PLACE_MAX else _BESIDE
    for at in range(min(len(text), len(_BESIDE))):
        yield from (f"{text[:at]}{character}{text[at + 1 :]}" for character in characters)


def _short(words: Iterable[str]) -> list[str]:
    """A few words in which each byte is put: the shortest of some lengths."""
    by_length: dict[int, str] = {}
    for each in sorted(words, key=len):
        by_length.setdefault(len(each), each)
    return [by_length[length] for length in sorted(by_length)[:4]]


def _around(most: int) -> Iterator[str]:
    for count in range(max(1, most - 2), most + 3):
        yield from ("a" * count, _NBSP * count + "a", "é" * count, "a" * count + "bcd", _NBSP + "a" * count)
        yield from ("a" * (count - 1) + _NBSP + "b", "a" * (count - 1) + "é" + "b", "!" * count + "a")
    yield from (
        "é" * (most // 2),
        "é" * (most // 2 + 1),
        "é" + "a" * (most - 1),
        "a" * (most // 2) + "b" * most,
    )


def _several(accepted: list[bytes]) -> Iterator[Lines]:
    yield from ((b"",), (b"", b""), (b"!", b"!"))
    for value in accepted:
        half = value[: len(value) // 2]
        other = value[::-1]
        yield from (
            (value, value),
            (value, b""),
            (b"", value),
            (value, b"!"),
            (b"!", value),
            (b" " + value + b" ",),
        )
        yield from (
            (half, value[len(half) :]),
            (half, half),
            (value, other),
            (half[:-1], half[:-1]),
            (value[:-2], b""),
        )
        yield from ((value, value, b"!"), (b"!", b"!", value))


def further_headers(behaviour: HeaderBehaviour, accepted: Iterable[Lines]) -> list[Lines]:
    """Headers from which a pattern can be read, made of accepted values; then the pool of the behaviour.

    Runs of many lengths and each byte at three places; where all values have one length, each place of one of them.
    """
    values = {lines[0].strip(OWS) for lines in accepted if len(lines) == 1} - {b""}
    singles = sorted(values, key=lambda value: (len(value), value))
    bases = list(dict.fromkeys([*singles[:1], *singles[len(singles) // 2 :][:1], *singles[-1:]]))
    found: dict[bytes, None] = {}
    if singles and len(singles[0]) == len(singles[-1]) >= SHAPE_LEAST:
        base = singles[0]
        for at in range(min(len(base), SHAPE_MOST)):
            for character in _BESIDE:
                found[base[:at] + encoded(character, behaviour.reading.decode) + base[at + 1 :]] = None
    else:
        for base in bases:
            found.update(
                dict.fromkeys((base * (length // len(base) + 1))[:length] for length in range(1, LENGTHS_MAX))
            )
    if singles and len(singles[-1]) < SHORT:  # none has a middle: perhaps that many of one have
        bases.append((singles[-1] * SHORT)[:SHORT])
    for base in bases:
        for at in sorted({0, len(base) // 2, len(base) - 1}):
            found.update(dict.fromkeys(base[:at] + bytes([byte]) + base[at + 1 :] for byte in FIELD_BYTES))
    return list(dict.fromkeys([*((value,) for value in found), *telling_headers(behaviour)]))
