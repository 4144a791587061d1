"""What the gate asks of a target at each level, as rounds of requests beside their controls. Sends nothing.

A round begins or ends with a control: the same request without the header, which tells how the others should fare.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from harness.clients.filled_text import user_of, value_of
from harness.clients.request_spec import plain_shapes
from harness.clients.shape import PLAIN, Connection, Extra, Shape
from harness.probing import memory
from harness.probing.covering import spread
from harness.probing.memory import CallerKind, HeaderKind, MemoryStep
from harness.probing.probe_factory import ProbeFactory
from harness.probing.values import longest_valid
from harness.rollout.identities import is_by_address
from harness.rule.cases import HeaderCase, Kind, fixed_cases, other_names
from harness.rule.level import Level
from harness.run.gate_values import Values, fits
from harness.sut.observation import Probe, ProbeGroup

REQUESTS_MAX: Final = {Level.SMOKE: 550, Level.STANDARD: 7_300, Level.EXHAUSTIVE: 120_000}
"""Most requests of a level, repetitions included."""
REQUESTS_USUAL: Final = {Level.SMOKE: 390, Level.STANDARD: 6_500, Level.EXHAUSTIVE: 118_000}
"""Requests that a level takes where nothing is tried again, about."""
SUITE_MAX: Final = 110_000
"""Headers that one run sends of a suite with extra states; what is left of REQUESTS_MAX is for all else."""
BESIDE: Final = {Level.SMOKE: 20, Level.STANDARD: 20, Level.EXHAUSTIVE: 400}
"""Requests to one control."""
SAMPLES: Final = {Level.SMOKE: 0, Level.STANDARD: 60, Level.EXHAUSTIVE: 60}
"""Sequences of headers that Hypothesis draws."""
AT_ONCE_GROUPS: Final = 8
"""As many as there are connections."""
AT_ONCE_SHORT: Final = 6
"""Requests at once from one address, in a short run."""
MALFORMED_BESIDE: Final = 4
FRESH_CONNECTIONS: Final = {Level.SMOKE: 24, Level.STANDARD: 64, Level.EXHAUSTIVE: 128}
"""Least number of requests that end their connection, one of ten replicas then being met nearly for certain."""


def preflight(factory: ProbeFactory) -> list[ProbeGroup]:
    """Each path in each way of signing, streaming or not, without the header and with a valid one.

    Nothing else is asked before these are understood. Plain controls come twice: that shows what varies by itself.
    """
    probe_groups = []
    for cell in factory.caller.cells:
        own = factory.probe(factory.caller.case(factory.own_value(), Kind.VALID), cell)
        probe_groups.append(ProbeGroup((factory.control(cell), own)))
        if cell.path is None:
            probe_groups.append(ProbeGroup((factory.control(cell),)))
    return probe_groups


def neighbours(factory: ProbeFactory) -> ProbeGroup:
    """Controls that differ from the plainest in one factor each: where that is not served, another may be."""
    caller = factory.caller
    shapes = [shape for shape in plain_shapes(caller.spec) if shape.auth in caller.auths]
    return ProbeGroup(tuple(map(factory.control, shapes)))


def array(
    factory: ProbeFactory, values: Values, shapes: Sequence[Shape], strength: int
) -> Iterator[ProbeGroup]:
    """A control and a valid value of each shape, and each class of values beside every `strength` - 1 factor values."""
    classes = spread(shapes, strength - 1, values.classes, factory.caller.factors)
    for shape in shapes:
        numbers = [number for number, chosen in enumerate(classes) if shape in chosen]
        shows = factory.caller.shows_values(shape)
        cases = [values.valid(shows=shows), *(values.of_class(number, shows=shows) for number in numbers)]
        yield ProbeGroup((factory.control(shape), *(factory.probe(case, shape) for case in cases)))


def first(factory: ProbeFactory, values: Values) -> Iterator[ProbeGroup]:
    """What a short run sends before the covering array: memory, requests at once, and the header's name."""
    yield from _memory(factory, values, memory.short(_callers(factory)))
    shared = factory.address()
    probes = (factory.probe(_own(factory), at_once=True, address=shared) for _ in range(AT_ONCE_SHORT))
    yield ProbeGroup((*probes, factory.control(address=shared, follows=True)))
    yield ProbeGroup(tuple(factory.control(shape) for shape in _uncertain(factory)))
    for body in factory.caller.spec.rollout.tables.request.refused:  # what is refused stays refused
        shape = PLAIN._replace(body=body)
        yield ProbeGroup((factory.control(shape), factory.probe(_own(factory), shape)))
    yield from _beside(factory, _names(factory), BESIDE[Level.SMOKE])


def _uncertain(factory: ProbeFactory) -> list[Shape]:
    """Plain but for what a backend may refuse to everybody: the array is made without what is refused."""
    caller = factory.caller
    bodies = caller.factors.get("body", (None,))[1:]
    return [
        *(PLAIN._replace(body=str(body), auth=auth) for body in bodies for auth in caller.auths),
        *(PLAIN._replace(auth=identity.name) for identity in caller.alike),
        PLAIN._replace(extra=Extra.QUERY),
    ]


def last(factory: ProbeFactory, values: Values, users: Collection[str] = ()) -> Iterator[ProbeGroup]:
    """What a short run sends after the covering array: values that were not in it, and a connection for each.

    `users` are those whom the rows of accounts name.
    """
    yield from _beside(factory, values.rest(), BESIDE[Level.SMOKE])
    yield _as_somebody(factory, users)
    malformed = _malformed(factory)
    yield from _beside(factory, malformed[:: len(malformed) // 3][:3], BESIDE[Level.SMOKE])
    yield from _fresh(factory, values, Level.SMOKE)


def over_http2(factory: ProbeFactory, values: Values) -> list[Probe]:
    """A control, a valid value and an invalid one on each path, for each caller."""
    probes: list[Probe] = []
    for cell in factory.caller.cells:
        shape = cell._replace(connection=Connection.HTTP2)
        probes += [factory.control(shape), factory.probe(_own(factory), shape)]
        probes.append(factory.probe(values.of_class(1), shape))
    return probes


def suite_alone(factory: ProbeFactory, share: Iterable[bytes], level: Level) -> Iterator[ProbeGroup]:
    """The header rule's suite, or a part of it, beside controls."""
    yield from _beside(factory, map(factory.caller.case, share), BESIDE[level])


def further(factory: ProbeFactory, values: Values, level: Level) -> Iterator[ProbeGroup]:
    """What the larger levels send beyond that of memory and of values, what matters most first."""
    if level is Level.SMOKE:
        return
    beside = BESIDE[level]
    yield from _memory(factory, values, memory.complete(_callers(factory)), thrice=True)
    yield from _beside(factory, values.every_valid, beside)
    yield from _beside(factory, values.every_hard, beside)
    yield from _repeated_beside(factory)
    yield from _beside(factory, _malformed(factory), MALFORMED_BESIDE)
    standing = [
        case
        for case in _fixed(factory)
        if fits(case, factory.caller.given_bytes) and not case.refused_by_http
    ]
    yield from _beside(factory, standing, beside)


def drawn(factory: ProbeFactory, values: Values, level: Level, seed: int) -> Iterator[ProbeGroup]:
    """What the larger levels send beside the rule's suite: headers that are drawn, and connections for each request."""
    if level is Level.SMOKE:
        return
    # Here, because Hypothesis takes a tenth of a second that `check`, which draws nothing, need not wait.
    from harness.rule.samples import sampled_sequences

    policy, name = factory.caller.policy, factory.caller.spec.header_name
    for sequence in sampled_sequences(policy, SAMPLES[level], seed, name):
        cases = [
            case for case in sequence if fits(case, factory.caller.given_bytes) and not case.refused_by_http
        ]
        yield ProbeGroup((*map(factory.probe, cases), factory.control(follows=True)), together=True)
    yield from _fresh(factory, values, level)


def _callers(factory: ProbeFactory) -> list[CallerKind]:
    """The usual identity at two addresses, where addresses are told apart, and each other one."""
    usual, *others = map(CallerKind, factory.caller.auths)
    is_told = is_by_address(factory.caller.known[0])
    return [usual, *([usual._replace(elsewhere=True)] if is_told else []), *others]


def _memory(
    factory: ProbeFactory, values: Values, steps: Sequence[MemoryStep], *, thrice: bool = False
) -> Iterator[ProbeGroup]:
    """Sequences of callers and values over one connection; and, if asked for, streamed and over all connections.

    Callers with a token share the address of the first without one, as behind one router; in one sequence they do not.
    """
    streams = factory.caller.streams
    if not thrice:  # each half has every pair of callers
        half = len(steps) // 2
        probes = [
            *_in_turn(factory, values, steps[:half], PLAIN),
            *_in_turn(factory, values, steps[half:], streams),
        ]
        yield ProbeGroup(tuple(probes), together=True)
        return
    yield ProbeGroup(tuple(_in_turn(factory, values, steps, PLAIN)), together=True)
    yield ProbeGroup(tuple(_in_turn(factory, values, steps, streams, apart=True)), together=True)
    yield ProbeGroup(tuple(_in_turn(factory, values, steps, PLAIN)))


def _in_turn(
    factory: ProbeFactory, values: Values, steps: Iterable[MemoryStep], plain: Shape, *, apart: bool = False
) -> Iterator[Probe]:
    """Requests of a sequence: each caller keeps an address, valid values are new each time."""
    steps = list(steps)
    first, second = factory.address(), factory.address()
    addresses = {step.caller: factory.address() if apart else first for step in steps}
    usual = factory.caller.auths[0]
    addresses |= {CallerKind(usual): first, CallerKind(usual, elsewhere=True): second}
    last = factory.own_value()
    for step in steps:
        shape, address = plain._replace(auth=step.caller.auth), addresses[step.caller]
        if step.sent is HeaderKind.ABSENT:
            yield factory.control(shape, address=address, follows=True)
            continue
        if step.sent is HeaderKind.VALID:
            last = factory.own_value()
        case = (
            values.of_class(1) if step.sent is HeaderKind.INVALID else factory.caller.case(last, Kind.VALID)
        )
        yield factory.probe(case, shape, address=address)


def _repeated_beside(factory: ProbeFactory) -> Iterator[ProbeGroup]:
    """One value in both cases and twice, by one caller and by another."""
    for shared in (factory.address(), None):
        value = factory.own_value()
        others = (value, value.upper(), value, value.title())
        probes = (factory.probe(factory.caller.case(other, Kind.VALID), address=shared) for other in others)
        yield ProbeGroup((*probes, factory.control(address=shared, follows=True)), together=True)


def at_once(factory: ProbeFactory, level: Level) -> Iterator[ProbeGroup]:
    """What the larger levels send on all connections at once: different values, from one address and from many."""
    if level is Level.SMOKE:
        return
    streams = factory.caller.streams
    for address in (factory.address(), None):
        for _ in range(AT_ONCE_GROUPS):
            probes: list[Probe] = []
            for shape in (PLAIN, streams, PLAIN, streams):
                probes.append(factory.probe(_own(factory), shape, at_once=True, address=address))
                probes.append(factory.control(shape, address=address, follows=True))
            yield ProbeGroup(tuple(probes), together=True)


def _fresh(factory: ProbeFactory, values: Values, level: Level) -> Iterator[ProbeGroup]:
    """Valid values, each over a connection that it ends: a balancer then asks one replica after the other."""
    closed = PLAIN._replace(connection=Connection.CLOSED)
    probes = (
        factory.probe(values.valid(), closed)
        for _ in range(max(FRESH_CONNECTIONS[level], values.valid_left()))
    )
    yield ProbeGroup((*probes, factory.control(closed, follows=True), factory.control(follows=True)))


def _own(factory: ProbeFactory) -> HeaderCase:
    return factory.caller.case(factory.own_value(), Kind.VALID)


def _names(factory: ProbeFactory) -> list[HeaderCase]:
    """The header's name in capitals and mixed, and all names at once that something may take for it."""
    name, value = factory.caller.spec.header_name, factory.own_value
    same = [HeaderCase(((other, value()),), Kind.NAME_CASE, name) for other in (name.upper(), name.title())]
    others = tuple((other, value()) for other in other_names(name))
    beside = [HeaderCase(lines, Kind.OTHER_NAME, name) for lines in (others, (*others, (name, value())))]
    return [*same, *beside]


def _fixed(factory: ProbeFactory) -> tuple[HeaderCase, ...]:
    caller = factory.caller
    values = (factory.own_value(), factory.own_value())
    return fixed_cases(caller.spec.header_name, *values, longest_valid(caller.policy))


def _malformed(factory: ProbeFactory) -> list[HeaderCase]:
    fixed = _fixed(factory)
    return [case for case in fixed if case.refused_by_http and fits(case, factory.caller.given_bytes)]


def _as_somebody(factory: ProbeFactory, users: Collection[str]) -> ProbeGroup:
    """What a backend knows users by, sent as the header by the usual caller: it makes nobody else of him.

    His own name goes from his own address.
    """
    caller, address = factory.caller, factory.address()
    own = user_of(caller.known[0], caller.parameters, address)
    names = {*users, *(value_of(account, caller.parameters) for account in caller.accounts)} - {None, own}
    cases = [(name, None if name != own else address) for name in (own, *sorted(filter(None, names)))]
    probes = [
        factory.probe(case, address=at)
        for name, at in cases
        if name is not None and fits(case := caller.case(name.encode()), caller.given_bytes)
    ]
    return ProbeGroup((*probes, factory.control(follows=True)))


def _beside(factory: ProbeFactory, cases: Iterable[HeaderCase], count_: int) -> Iterator[ProbeGroup]:
    """So many requests to one control."""
    left = iter(cases)
    while some := list(islice(left, count_)):
        yield ProbeGroup((*map(factory.probe, some), factory.control(follows=True)))
