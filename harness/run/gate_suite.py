"""What the gate asks of a target at each level, as rounds of requests beside their controls. Sends nothing.

A round begins or ends with a control: the same request without the header, which tells how the others should fare.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from harness import plan
from harness.checks.gate import AT_ONCE
from harness.clients.extension import Auth
from harness.clients.shape import PLAIN, Body, Connection, Model, Shape
from harness.probing import memory
from harness.probing.covering import spread
from harness.probing.memory import Sent, Step
from harness.probing.values import hard_values, valid_values
from harness.rule.cases import HeaderCase, Kind, fixed_cases, other_names
from harness.rule.samples import sampled_sequences
from harness.rule.suite import Level, suite
from harness.run.gate_requests import Asker, value_case
from harness.run.gate_values import Values, fits
from harness.sut.asks import Ask, Round

REQUESTS_MAX: Final = {Level.SMOKE: 500, Level.STANDARD: 7_300, Level.EXHAUSTIVE: 120_000}
"""Most requests of a level, repetitions included."""
REQUESTS_USUAL: Final = {Level.SMOKE: 350, Level.STANDARD: 6_300, Level.EXHAUSTIVE: 118_000}
"""Requests that a level takes where nothing is tried again, about."""
BESIDE: Final = {Level.SMOKE: 20, Level.STANDARD: 20, Level.EXHAUSTIVE: 400}
"""Requests to one control."""
SAMPLES: Final = {Level.SMOKE: 0, Level.STANDARD: 60, Level.EXHAUSTIVE: 60}
"""Sequences of headers that Hypothesis draws."""
AT_ONCE_ROUNDS: Final = 8
"""As many as there are connections."""
AT_ONCE_SHORT: Final = 6
"""Requests at once from one address, in a short run."""
MALFORMED_BESIDE: Final = 4
FRESH_CONNECTIONS: Final = {Level.SMOKE: 24, Level.STANDARD: 64, Level.EXHAUSTIVE: 128}
"""Least number of requests that end their connection, one of ten replicas then being met nearly for certain."""


def preflight(asker: Asker) -> list[Round]:
    """Each path in each way of signing, streaming or not, without the header and with a valid one.

    Nothing else is asked before these are understood. Plain controls come twice: that shows what varies by itself.
    """
    rounds = []
    for cell in asker.caller.cells:
        own = asker.probe(value_case(asker.own_value(), Kind.VALID), cell)
        rounds.append(Round((asker.control(cell), own)))
        if cell.path == PLAIN.path:
            rounds.append(Round((asker.control(cell),)))
    return rounds


def neighbours(asker: Asker) -> Round:
    """Controls that differ from the plainest in one factor each: where that is not served, another may be."""
    factors = asker.caller.factors
    plain: dict[str, Any] = PLAIN._asdict()
    shapes = [Shape(**(plain | {name: value})) for name, values in factors.items() for value in values]
    return Round(tuple(asker.control(shape) for shape in dict.fromkeys(shapes) if shape != PLAIN))


def array(asker: Asker, values: Values, shapes: Sequence[Shape], strength: int) -> Iterator[Round]:
    """A control and a valid value of each shape, and each class of values beside every `strength` - 1 factor values."""
    classes = spread(shapes, strength - 1, values.classes)
    for shape in shapes:
        numbers = [number for number, chosen in enumerate(classes) if shape in chosen]
        cases = [
            values.valid(shape.auth),
            *(values.of_class(number, shape.auth) for number in numbers),
        ]
        yield Round((asker.control(shape), *(asker.probe(case, shape) for case in cases)))


def first(asker: Asker, values: Values) -> Iterator[Round]:
    """What a short run sends before the covering array: memory, requests at once, and the header's name."""
    yield from _memory(asker, values, memory.short(_callers(asker)))
    shared = asker.address()
    probes = (asker.probe(_own(asker), claim=AT_ONCE, address=shared) for _ in range(AT_ONCE_SHORT))
    yield Round((*probes, asker.control(address=shared, follows=True)))
    yield Round(tuple(asker.control(shape) for shape in _uncertain(asker)))
    paid = PLAIN._replace(model=Model.PAID)
    yield Round((asker.control(paid), asker.probe(_own(asker), paid)))  # what is refused stays refused
    yield from _beside(asker, _names(), BESIDE[Level.SMOKE])


def _uncertain(asker: Asker) -> list[Shape]:
    """Plain but for what a backend may refuse to everybody: the array is made without what is refused."""
    bodies = [PLAIN._replace(body=body) for body in Body if body is not Body.PLAIN]
    return [*bodies, *(PLAIN._replace(model=Model.OTHER, auth=auth) for auth in asker.caller.known)]


def last(asker: Asker, values: Values) -> Iterator[Round]:
    """What a short run sends after the covering array: values that were not in it, and a connection for each."""
    yield from _beside(asker, values.rest(), BESIDE[Level.SMOKE])
    yield from _beside(asker, _malformed(asker)[:: len(_malformed(asker)) // 3][:3], BESIDE[Level.SMOKE])
    yield from _fresh(asker, values, Level.SMOKE)


def over_http2(asker: Asker, values: Values) -> list[Ask]:
    """A control, a valid value and an invalid one on each path, for each caller."""
    asks: list[Ask] = []
    for cell in asker.caller.cells:
        shape = cell._replace(connection=Connection.HTTP2)
        asks += [asker.control(shape), asker.probe(_own(asker), shape)]
        asks.append(asker.probe(values.of_class(1), shape))
    return asks


def further(asker: Asker, values: Values, level: Level, seed: int) -> Iterator[Round]:
    """What the larger levels send beyond that, what matters most first."""
    if level is Level.SMOKE:
        return
    policy, beside = asker.caller.policy, BESIDE[level]
    yield from _memory(asker, values, memory.complete(_callers(asker)), thrice=True)
    yield from _at_once(asker)
    valid = [value_case(value, Kind.VALID) for value in valid_values(policy)]
    yield from _beside(asker, valid, beside)
    yield from _beside(
        asker,
        [case for case in map(value_case, hard_values(policy)) if fits(case, asker.caller.given_bytes)],
        beside,
    )
    yield from _again_beside(asker)
    yield from _beside(asker, _malformed(asker), MALFORMED_BESIDE)
    standing = [
        case for case in fixed_cases() if fits(case, asker.caller.given_bytes) and not case.refused_by_http
    ]
    yield from _beside(asker, standing, beside)
    for sequence in sampled_sequences(policy, SAMPLES[level], seed):
        cases = [
            case for case in sequence if fits(case, asker.caller.given_bytes) and not case.refused_by_http
        ]
        yield Round((*map(asker.probe, cases), asker.control(follows=True)), together=True)
    yield from _beside(asker, map(value_case, suite(policy, level)), beside)
    yield from _fresh(asker, values, level)


def _callers(asker: Asker) -> list[memory.Caller]:
    return [caller for caller in memory.Caller if _AUTHS[caller] in asker.caller.known]


_AUTHS: Final = {
    memory.Caller.FIRST: Auth.ANONYMOUS,
    memory.Caller.SECOND: Auth.ANONYMOUS,
    memory.Caller.SIGNED_IN: Auth.SIGNED_IN,
    memory.Caller.JUNK: Auth.JUNK,
}


def _memory(asker: Asker, values: Values, steps: Sequence[Step], *, thrice: bool = False) -> Iterator[Round]:
    """Sequences of callers and values over one connection; and, if asked for, streamed and over all connections.

    Callers with a token share the address of the first without one, as behind one router; in one sequence they do not.
    """
    streams = PLAIN._replace(stream=True)
    if not thrice:  # each half has every pair of callers
        half = len(steps) // 2
        asks = [
            *_in_turn(asker, values, steps[:half], PLAIN),
            *_in_turn(asker, values, steps[half:], streams),
        ]
        yield Round(tuple(asks), together=True)
        return
    yield Round(tuple(_in_turn(asker, values, steps, PLAIN)), together=True)
    yield Round(tuple(_in_turn(asker, values, steps, streams, apart=True)), together=True)
    yield Round(tuple(_in_turn(asker, values, steps, PLAIN)))


def _in_turn(
    asker: Asker, values: Values, steps: Iterable[Step], plain: Shape, *, apart: bool = False
) -> Iterator[Ask]:
    """Requests of a sequence: each caller keeps an address, valid values are new each time."""
    first, second = asker.address(), asker.address()
    addresses = {caller: asker.address() if apart else first for caller in memory.Caller}
    addresses |= {memory.Caller.FIRST: first, memory.Caller.SECOND: second}
    last = asker.own_value()
    for step in steps:
        shape, address = plain._replace(auth=_AUTHS[step.caller]), addresses[step.caller]
        if step.sent is Sent.ABSENT:
            yield asker.control(shape, address=address, follows=True)
            continue
        if step.sent is Sent.VALID:
            last = asker.own_value()
        case = values.of_class(1) if step.sent is Sent.INVALID else value_case(last, Kind.VALID)
        yield asker.probe(case, shape, address=address)


def _again_beside(asker: Asker) -> Iterator[Round]:
    """One value in both cases and twice, by one caller and by another."""
    for shared in (asker.address(), None):
        value = asker.own_value()
        others = (value, value.upper(), value, value.title())
        probes = (asker.probe(value_case(other, Kind.VALID), address=shared) for other in others)
        yield Round((*probes, asker.control(address=shared, follows=True)), together=True)


def _at_once(asker: Asker) -> Iterator[Round]:
    """Different values on all connections at once, from one address and from many."""
    streams = PLAIN._replace(stream=True)
    for address in (asker.address(), None):
        for _ in range(AT_ONCE_ROUNDS):
            asks: list[Ask] = []
            for shape in (PLAIN, streams, PLAIN, streams):
                asks.append(asker.probe(_own(asker), shape, claim=AT_ONCE, address=address))
                asks.append(asker.control(shape, address=address, follows=True))
            yield Round(tuple(asks), together=True)


def _fresh(asker: Asker, values: Values, level: Level) -> Iterator[Round]:
    """Valid values, each over a connection that it ends: a balancer then asks one replica after the other."""
    closed = PLAIN._replace(connection=Connection.CLOSED)
    probes = (
        asker.probe(values.valid(), closed) for _ in range(max(FRESH_CONNECTIONS[level], values.valid_left()))
    )
    yield Round((*probes, asker.control(closed, follows=True), asker.control(follows=True)))


def _own(asker: Asker) -> HeaderCase:
    return value_case(asker.own_value(), Kind.VALID)


def _names() -> list[HeaderCase]:
    """The header's name in capitals and mixed, and all names at once that something may take for it."""
    name = plan.HEADER.encode()
    same = [HeaderCase(((written, b"abc"),), Kind.NAME_CASE) for written in (name.upper(), name.title())]
    others = tuple((other, b"other-%d" % place) for place, other in enumerate(other_names()))
    beside = [HeaderCase(lines, Kind.OTHER_NAME) for lines in (others, (*others, (name, b"abc")))]
    return [*same, *beside]


def _malformed(asker: Asker) -> list[HeaderCase]:
    return [case for case in fixed_cases() if case.refused_by_http and fits(case, asker.caller.given_bytes)]


def _beside(asker: Asker, cases: Iterable[HeaderCase], count_: int) -> Iterator[Round]:
    """So many requests to one control."""
    left = iter(cases)
    while some := list(islice(left, count_)):
        yield Round((*map(asker.probe, some), asker.control(follows=True)))
