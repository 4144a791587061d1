"""A rule as one machine over the bytes of a header line: its operations, composed from the last to the first.

Each operation makes of the machine that answers to what it passes on a machine that answers to what it is given:

- `match` runs the expression's machine beside it, and refuses where that one does;
- `one_of` follows the words, each of which has its value as the answer;
- `lower` reads the lower-case letter for the capital one;
- `take` counts, and what comes after the last unit changes nothing any more;
- `trim` keeps the answer if the text ended before the blanks that are pending, and the state behind them.

HTTP's trimming is one more `trim` in front. So whether a header is stored is always known, and which value is, where
the rule ends in words.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Final

from harness.automata.characters import WHITE_SPACE
from harness.automata.compiled import compiled
from harness.automata.letters import FIELD_BYTES
from harness.automata.machine import Answer, Behaviour, StateMachine, TooLargeError, built
from harness.automata.pattern import parsed
from harness.automata.tree import beyond
from harness.rollout.tables import Operation
from harness.rule.operations import apply_rule
from harness.rule.policy import OWS, Policy

ASCII_MAX: Final = 0x7F
_JS_BLANKS: Final = bytes(
    byte for byte in FIELD_BYTES if any(first <= byte <= last for first, last in WHITE_SPACE)
)
_EVERYTHING: Final = StateMachine((FIELD_BYTES,), ((0,),), (True,))
"""Accepts any text: what comes after the last operation."""


class NoMachineError(Exception):
    """A rule of which no machine is made; the message says why."""


def machine_of(policy: Policy) -> StateMachine:
    """The machine that answers as the policy does to a request with one line of the header.

    Answers are whether a value is stored, or, where the rule ends in words, which. Raises NoMachineError.
    """
    if policy.reading.decode == "utf-8" and not ascii_alone(policy.rule):
        raise NoMachineError(
            "in UTF-8 the rule accepts more than ASCII, which has no machine over bytes here"
        )
    try:
        return composed(policy.rule, empty_is_absent=policy.reading.empty == "absent")
    except TooLargeError as error:
        raise NoMachineError(str(error)) from None


@lru_cache(maxsize=64)
def composed(rule: tuple[Operation, ...], *, empty_is_absent: bool) -> StateMachine:
    """The machine of the operations behind HTTP's trimming. Raises TooLargeError, NoMachineError."""
    machine = _EVERYTHING
    for number in reversed(range(len(rule))):
        machine = _before(rule[number], rule[number + 1 :], machine)
    return _trim(OWS, machine, blank=False if empty_is_absent else machine.answers[0])


def ascii_alone(rule: Sequence[Operation]) -> bool:
    """Whether only ASCII is accepted, and nothing but ASCII reaches an operation that counts or changes characters.

    Then it makes no difference that bytes beyond ASCII are several to a character. It may be so where this is False.
    """
    limited = False
    for operation in rule:
        if operation.match is not None:
            limited = limited or not beyond(parsed(operation.match).tree, ASCII_MAX)
        elif operation.one_of is not None:
            limited = limited or all(map(str.isascii, operation.one_of))
        elif not limited and operation.trim != "http" and operation.lower != "ascii":
            return False
    return limited


def _before(operation: Operation, later: tuple[Operation, ...], machine: StateMachine) -> StateMachine:
    if operation.match is not None:
        return _match(operation.match, machine)
    if operation.one_of is not None:
        return _one_of(operation.one_of, later)
    if operation.take is not None:
        return _take(operation.take, operation.unit, machine)
    if operation.trim is not None:
        blanks = OWS if operation.trim == "http" else _JS_BLANKS
        return _trim(blanks, machine, blank=machine.answers[0])
    return _lower(operation.lower == "ascii", machine)


def _match(source: str, machine: StateMachine) -> StateMachine:
    pattern = parsed(source)
    if pattern.obstacle:
        raise NoMachineError(f"{pattern.obstacle} has no finite automaton")
    whole = compiled(pattern.tree)
    classes, later = whole.class_of(), machine.class_of()

    def step(state: tuple[int, int], byte: int) -> tuple[int, int]:
        within = whole.table[state[0]][classes[byte]]
        return (within, 0 if whole.is_dead(within) else machine.table[state[1]][later[byte]])

    def answer(state: tuple[int, int]) -> Answer:
        return whole.answers[state[0]] and machine.answers[state[1]]

    return built(Behaviour((0, 0), step, answer), _alike(lambda byte: (classes[byte], later[byte])))


def _one_of(words: tuple[str, ...], later: tuple[Operation, ...]) -> StateMachine:
    values = {word: apply_rule(later, word) for word in words}
    beginnings = {word[:length] for word in words for length in range(len(word) + 1)}
    used = set("".join(words))

    def step(state: str | None, byte: int) -> str | None:
        longer = None if state is None else state + chr(byte)
        return longer if longer in beginnings else None

    def answer(state: str | None) -> Answer:
        value = values.get(state) if state is not None else None
        return False if value is None else value

    start: str | None = ""
    return built(Behaviour(start, step, answer), _alike(lambda byte: chr(byte) if chr(byte) in used else ""))


def _take(most: int, unit: str, machine: StateMachine) -> StateMachine:
    later = machine.class_of()

    def cost(byte: int) -> int:
        return 2 if unit == "bytes" and byte > ASCII_MAX else 1

    def step(state: tuple[int, int], byte: int) -> tuple[int, int]:
        count, within = state
        if count > most or count + cost(byte) > most:  # the first that does not fit ends it
            return (most + 1, within)
        return (count + cost(byte), machine.table[within][later[byte]])

    def answer(state: tuple[int, int]) -> Answer:
        return machine.answers[state[1]]

    return built(Behaviour((0, 0), step, answer), _alike(lambda byte: (later[byte], cost(byte))))


def _trim(blanks: bytes, machine: StateMachine, *, blank: Answer) -> StateMachine:
    """`blank` is the answer to a text without anything but blanks."""
    later = machine.class_of()

    def step(state: tuple[Answer, int] | None, byte: int) -> tuple[Answer, int] | None:
        if byte in blanks:
            return None if state is None else (state[0], machine.table[state[1]][later[byte]])
        following = machine.table[0 if state is None else state[1]][later[byte]]
        return (machine.answers[following], following)

    def answer(state: tuple[Answer, int] | None) -> Answer:
        return blank if state is None else state[0]

    start: tuple[Answer, int] | None = None
    return built(Behaviour(start, step, answer), _alike(lambda byte: (later[byte], byte in blanks)))


def _lower(ascii_only: bool, machine: StateMachine) -> StateMachine:
    later = machine.class_of()

    def lowered(byte: int) -> int:
        return byte if ascii_only and byte > ASCII_MAX else ord(chr(byte).lower())

    return built(
        Behaviour(
            0, lambda state, byte: machine.table[state][later[lowered(byte)]], machine.answers.__getitem__
        ),
        _alike(lambda byte: later[lowered(byte)]),
    )


def _alike(key: Callable[[int], Hashable]) -> list[bytes]:
    """The letters in groups of equal keys."""
    groups: dict[Hashable, list[int]] = {}
    for byte in FIELD_BYTES:
        groups.setdefault(key(byte), []).append(byte)
    return [bytes(group) for group in groups.values()]
