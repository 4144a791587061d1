"""Headers that tell behaviours apart: made of the texts that a behaviour accepts, each of them changed in many ways.

A pool, not a proof: what no header of it tells apart is counted as such by whoever asks.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from itertools import islice
from typing import Final

from harness.automata.bounds import bounds_of
from harness.automata.tree import Alternation, Anchor, CharacterSet, Node, Repetition
from harness.rule.behaviour import HeaderBehaviour, Lines, Matching, Taking
from harness.rule.cases import HEADER_BLOCK_MAX, HEADER_BLOCK_REST
from harness.rule.policy import FIELD_BYTES, OWS
from harness.rule.trees import parts_of, replaced

LENGTHS_MAX: Final = 300
SHORT: Final = 8
SHAPE_MOST: Final = 40
"""Places of a value that are looked at one by one."""
BEYOND: Final = 45
"""How many more than the least a repetition without a bound is written."""
VALUE_MAX: Final = HEADER_BLOCK_MAX - 2 * HEADER_BLOCK_REST
ALTERNATIVES_MAX: Final = 40
SHAPE_LEAST: Final = 4
EACH_PLACE_MAX: Final = 16
_BESIDE: Final = "afgzAFGZ059-_./:@[`{ \u00e9" + "btyBTY14678+,;=~"
"""The edges of the usual classes, and what stands beside them."""
_NBSP: Final = "\u00a0"
_PREFERRED: Final = "aZ9-_bY8.cX7"
_SIGNS: Final = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"
_FIELD: Final = tuple(map(chr, FIELD_BYTES))


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
