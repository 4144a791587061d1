"""What the gate asks of a target at each level, as rounds of requests beside their controls. Sends nothing.

Every request has an address of its own from a documentation range, unless its round is about what sticks to an
address. A round ends with a control: the same request without the header, which tells how the others should fare.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Final

from harness import plan
from harness.checks.gate import AT_ONCE, MALFORMED, NAME
from harness.checks.validation import MISSING, header_claim
from harness.clients.exchange import HeaderLine
from harness.clients.extension import (
    JUNK_TOKEN,
    Auth,
    ExtensionBuild,
    Installation,
    derived_id,
    plan_header,
    request,
)
from harness.clients.wire import FIELDS_SURE, HEAD_BYTES_SURE
from harness.headers.cases import HeaderCase, Kind, standing_cases
from harness.headers.policy import OWS, Policy
from harness.headers.samples import sampled_sequences
from harness.headers.suite import Level, suite
from harness.rollout.matrix import MACHINE
from harness.target import Probe
from harness.target.asks import CONTROL, Ask, Round

REQUESTS_MAX: Final = {Level.SMOKE: 60, Level.STANDARD: 5_000, Level.EXHAUSTIVE: 117_000}
"""Most requests of a level, repetitions included."""
BESIDE: Final = {Level.SMOKE: 20, Level.STANDARD: 12, Level.EXHAUSTIVE: 400}
"""Requests to one control."""
SAMPLES: Final = {Level.SMOKE: 0, Level.STANDARD: 120, Level.EXHAUSTIVE: 60}
"""Sequences of headers that Hypothesis draws."""
SMOKE_WAYS: Final = {
    (Auth.ANONYMOUS, True): (0, 1, 2),
    (Auth.JUNK, False): (0, 1),
    (Auth.JUNK, True): (0,),
    (Auth.SIGNED_IN, False): (0, 3),
    (Auth.SIGNED_IN, True): (0,),
}
"""Which headers go each way at the smallest level; anonymous requests without streaming have them elsewhere."""
AT_ONCE_ROUNDS: Final = 8
"""As many as there are connections."""
MALFORMED_BESIDE: Final = 4
ROOM_BYTES, ROOM_LINES = 1024, 20
"""In a head, for what is not the plan's header."""
HOSTS: Final = ipaddress.IPv6Network("2001:db8::/32")
"""Addresses for documentation (RFC 3849): nobody has them."""

VALID: Final = derived_id(MACHINE)
BORDERS: Final = b"AZaz09_-"
"""The first and last of each range of the alphabet."""
LONGEST: Final = b"a" * plan.LENGTH_MAX
_LENGTHS = (LONGEST, LONGEST + b"a", b"")
TELLING: Final = (BORDERS, *_LENGTHS, b"\xe9", b"a.b", b"^", b"!a", b"a!", b"%61")
TELLING_LENGTHS: Final = (BORDERS, *_LENGTHS, b"\xe9", b"a.b", b"\xa0a", b" ", LONGEST + b"aa", LONGEST * 2)
"""Few values that tell the usual mistakes from the rule, and from one without an alphabet."""

Lines = tuple[HeaderLine, ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """How the target is called."""

    free_model: str
    policy: Policy
    build: str
    """What is expected to be deployed: `before` or `after`."""
    token: str | None = None
    email: str | None = None
    """The user to sign in as."""

    @property
    def cells(self) -> list[tuple[Auth, bool]]:
        """Every way in which requests are signed, streaming or not."""
        known = [auth for auth in Auth if auth is not Auth.SIGNED_IN or self.token is not None]
        return [(auth, stream) for auth in known for stream in (False, True)]

    def allowed(self, auth: Auth, lines: Sequence[bytes]) -> tuple[str | None, ...]:
        """What the row of a request may hold whose header has these lines.

        Several lines may be joined with or without a blank (RFC 9110, 5.2).
        """
        if self.build == "before":
            return (None,)
        if auth is Auth.SIGNED_IN:
            return (self.email,)
        joined = b",".join(line.strip(OWS) for line in lines)
        stored = [self.policy.stored(lines), self.policy.stored([joined] if lines else [])]
        return tuple(dict.fromkeys(stored))


@dataclass(slots=True)
class Asker:
    """Makes requests, each from an address that no other request and no other run has."""

    caller: Caller
    run: int
    """32 bits that tell this run's addresses from those of others."""
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def address(self) -> str:
        """An address to share between requests."""
        return self._host(next(self._numbers))

    def _host(self, number: int) -> str:
        return str(HOSTS[(self.run << 64) + number])

    def control(self, auth: Auth, stream: bool, *, address: str | None = None, follows: bool = False) -> Ask:
        """A request without the header."""
        return self._ask(CONTROL, (), MISSING, auth, stream, address=address, follows=follows)

    def probe(
        self,
        case: HeaderCase,
        auth: Auth = Auth.ANONYMOUS,
        stream: bool = False,
        *,
        claim: str | None = None,
        address: str | None = None,
    ) -> Ask:
        """A request with a header, or with what resembles it; a control where the case has no line."""
        if not case.lines:
            return self.control(auth, stream, address=address, follows=True)
        claim = claim or claim_of(case, self.caller.policy)
        return self._ask(str(case.label), case.lines, claim, auth, stream, address=address)

    def again(self, ask: Ask) -> Ask:
        """The same request from another address."""
        one = ask.probe
        return self._ask(one.kind, ask.header, ask.claim, one.auth, one.stream, follows=ask.follows)

    def _ask(
        self,
        kind: str,
        lines: Lines,
        claim: str,
        auth: Auth,
        stream: bool,
        *,
        address: str | None = None,
        follows: bool = False,
    ) -> Ask:
        number = next(self._numbers)
        own = address or self._host(number)
        refused = HeaderCase(lines, Kind.BYTES).refused_by_http
        token = {Auth.ANONYMOUS: None, Auth.JUNK: JUNK_TOKEN, Auth.SIGNED_IN: self.caller.token}[auth]
        signed_in = auth is Auth.SIGNED_IN
        probe = Probe(
            request=request(
                Installation(MACHINE, token=token),
                ExtensionBuild.AFTER,
                address=own,
                stream=stream,
                model=self.caller.free_model,
                header=lines,
            ),
            kind=kind,
            extension=ExtensionBuild.AFTER if lines else ExtensionBuild.BEFORE,
            auth=auth,
            stream=stream,
            user="the signed-in user" if signed_in else plan.ANONYMOUS_PREFIX + own,
            email=self.caller.email if signed_in else None,
            alone=address is None and not signed_in,
            refused=refused,
        )
        allowed = () if refused and not signed_in else self.caller.allowed(auth, probe.lines)
        return Ask(number, probe, lines, claim, own, allowed, follows)


def claim_of(case: HeaderCase, policy: Policy) -> str:
    """The claim that the stored value is evidence for, of an anonymous request."""
    if case.refused_by_http:
        return MALFORMED
    if case.label in (Kind.NAME_CASE, Kind.OTHER_NAME):
        return NAME
    return header_claim(case.values, policy)


def value_case(value: bytes, label: Kind = Kind.BYTES) -> HeaderCase:
    """One line with this value."""
    return HeaderCase(plan_header(value), label)


def preflight(asker: Asker) -> Round:
    """A request without the header in each way: nothing else is asked before these are understood."""
    return Round(tuple(asker.control(auth, stream) for auth, stream in asker.caller.cells))


def rounds(asker: Asker, level: Level, seed: int) -> Iterator[Round]:
    """Everything of a level, what matters most first."""
    policy, beside = asker.caller.policy, BESIDE[level]
    yield from _ways(asker, level)
    yield from _sticky(asker, level)
    yield from _at_once(asker, level)
    yield from _beside(asker, _names(), beside)
    if level is Level.SMOKE:
        yield from _beside(asker, _malformed()[:: len(_malformed()) // 3][:3], beside)
        telling = TELLING_LENGTHS if policy.alphabet is None else TELLING
        yield from _beside(asker, [*map(value_case, telling), _twice()], beside)
        return
    yield from _beside(asker, _malformed(), MALFORMED_BESIDE)
    standing = [case for case in standing_cases() if fits(case) and not case.refused_by_http]
    yield from _beside(asker, standing, beside)
    for sequence in sampled_sequences(policy, SAMPLES[level], seed):
        cases = [case for case in sequence if fits(case) and not case.refused_by_http]
        yield Round(
            (*map(asker.probe, cases), asker.control(Auth.ANONYMOUS, False, follows=True)), together=True
        )
    yield from _beside(asker, map(value_case, suite(policy, level)), beside)


def more_of_the_field(asker: Asker, most: int) -> Round:
    """Up to so many requests as the released extension sends them; it ends with a control."""
    cases = (value_case(derived_id(f"machine {number}").encode(), Kind.VALID) for number in range(most - 1))
    return Round((*map(asker.probe, cases), asker.control(Auth.ANONYMOUS, False, follows=True)))


def fits(case: HeaderCase) -> bool:
    """Whether every server takes a head with these lines: above that some refuse, whatever the rule."""
    octets = sum(len(name) + len(value) + 4 for name, value in case.lines)
    return octets <= HEAD_BYTES_SURE - ROOM_BYTES and len(case.lines) <= FIELDS_SURE - ROOM_LINES


def _ways(asker: Asker, level: Level) -> Iterator[Round]:
    """Some headers in each way of signing, streaming or not."""
    cases = [
        value_case(VALID.encode(), Kind.VALID),
        value_case(b"\xe9"),
        value_case(LONGEST + b"a", Kind.LIMIT),
        value_case(b"", Kind.EMPTY),
        value_case(LONGEST, Kind.LIMIT),
        _twice(),
        *_names(),
    ]
    for cell in asker.caller.cells:
        auth, stream = cell
        chosen = SMOKE_WAYS.get(cell, ()) if level is Level.SMOKE else range(len(cases))
        if chosen:
            probes = (asker.probe(cases[place], auth, stream) for place in chosen)
            yield Round((*probes, asker.control(auth, stream, follows=True)))


def _sticky(asker: Asker, level: Level) -> Iterator[Round]:
    """Requests with and without the header in turn, over one connection, from one address or from many."""
    valid = [value_case(b"first-%d" % number, Kind.VALID) for number in range(2)]
    if level is Level.SMOKE:
        yield _in_turn(asker, valid, asker.address(), stream=False)
        return
    cases = [
        *valid,
        value_case(b"\xe9"),
        value_case(LONGEST, Kind.LIMIT),
        value_case(b"", Kind.EMPTY),
        _twice(),
    ]
    for stream in (False, True):
        yield _in_turn(asker, cases, asker.address(), stream=stream)
        yield _in_turn(asker, cases, None, stream=stream)


def _in_turn(asker: Asker, cases: Iterable[HeaderCase], address: str | None, *, stream: bool) -> Round:
    asks: list[Ask] = []
    for case in cases:
        asks.append(asker.probe(case, stream=stream, address=address))
        asks.append(asker.control(Auth.ANONYMOUS, stream, address=address, follows=True))
    return Round(tuple(asks), together=True)


def _at_once(asker: Asker, level: Level) -> Iterator[Round]:
    """Different values on all connections at once, from one address and from many."""
    shared = asker.address()
    if level is Level.SMOKE:
        probes = (asker.probe(_at_once_case(number), claim=AT_ONCE, address=shared) for number in range(6))
        yield Round((*probes, asker.control(Auth.ANONYMOUS, False, address=shared, follows=True)))
        return
    for address in (shared, None):
        for number in range(AT_ONCE_ROUNDS):
            asks: list[Ask] = []
            for part in range(4):
                case = _at_once_case(4 * number + part)
                asks.append(asker.probe(case, claim=AT_ONCE, address=address, stream=part % 2 == 1))
                asks.append(asker.control(Auth.ANONYMOUS, part % 2 == 1, address=address, follows=True))
            yield Round(tuple(asks), together=True)


def _at_once_case(number: int) -> HeaderCase:
    return value_case(b"at-once-%d" % number, Kind.VALID)


def _names() -> list[HeaderCase]:
    """The header's name in capitals, mixed, and a name that something may take for it."""
    name = plan.HEADER.encode()
    same = [HeaderCase(((written, b"abc"),), Kind.NAME_CASE) for written in (name.upper(), name.title())]
    return [*same, HeaderCase(((name.replace(b"-", b"_"), b"abc"),), Kind.OTHER_NAME)]


def _malformed() -> list[HeaderCase]:
    return [case for case in standing_cases() if case.refused_by_http and fits(case)]


def _twice() -> HeaderCase:
    return HeaderCase(plan_header(VALID) * 2, Kind.DUPLICATE)


def _beside(asker: Asker, cases: Iterable[HeaderCase], count_: int) -> Iterator[Round]:
    """So many requests to one control."""
    left = iter(cases)
    while some := list(islice(left, count_)):
        yield Round((*map(asker.probe, some), asker.control(Auth.ANONYMOUS, False, follows=True)))
