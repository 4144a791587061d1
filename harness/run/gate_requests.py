"""Makes the gate's requests: each with a shape, an address of its own and what its row may hold. Sends nothing.

Every request has an address of its own from a documentation range, unless a sequence is about what sticks to one.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from harness import plan
from harness.checks.gate import MALFORMED, NAME
from harness.checks.requests import MISSING, header_claim
from harness.clients.exchange import HeaderLine
from harness.clients.extension import JUNK_TOKEN, Auth, ExtensionBuild, derived_id, plan_header
from harness.clients.shape import FACTORS, PLAIN, Forwarded, Shape
from harness.clients.shaped import shaped_request
from harness.probing.covering import Constraint, Factors
from harness.rule.cases import HeaderCase, Kind
from harness.rule.policy import Policy
from harness.sut.gate_probe import CONTROL, GateProbe
from harness.sut.observation import Probe

HOSTS: Final = ipaddress.IPv6Network("2001:db8::/32")
"""Addresses for documentation (RFC 3849): nobody has them."""
HOSTS_V4: Final = tuple(map(ipaddress.IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))
"""The same for IPv4 (RFC 5737): too few to be a run's own, so rows are never found by them."""

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
    given_bytes: int = 0
    """What goes into every head beside the request's own lines."""

    @property
    def known(self) -> tuple[Auth, ...]:
        """Every way in which requests can be signed."""
        return tuple(auth for auth in Auth if auth is not Auth.SIGNED_IN or self.token is not None)

    @property
    def factors(self) -> Factors:
        """The factors of a request, with those values that this caller can send."""
        return {**FACTORS, "auth": self.known}

    @property
    def constraints(self) -> list[Constraint]:
        """What this caller cannot send together: of which organization the test user is a member is not known."""
        return [frozenset({("auth", Auth.SIGNED_IN), ("organization", True)})] if self.token else []

    @property
    def cells(self) -> list[Shape]:
        """Every path, signed in every way, streaming or not; otherwise plain."""
        return [
            PLAIN._replace(path=path, auth=auth, stream=stream)
            for path in plan.ROUTES
            for auth in self.known
            for stream in (False, True)
        ]


@dataclass(slots=True)
class ProbeFactory:
    """Makes requests, each from an address that no other request and no other run has."""

    caller: Caller
    run: int
    """32 bits that tell this run's addresses and values from those of others."""
    mark: str = ""
    """A product in the user agent that tells the rows of this run where addresses do not."""
    own_values: set[bytes] = field(default_factory=set)
    """Values that no other request of any run sends."""
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def address(self) -> str:
        """An address to share between requests."""
        return self._host(next(self._numbers), PLAIN.forwarded)

    def own_value(self) -> bytes:
        """A valid value, with every kind of letter that the rule accepts, that no other request sends."""
        digits = derived_id(f"run {self.run:08x}, value {next(self._numbers)}")
        value = f"{digits[:18].upper()}_{digits[19:]}".encode()
        self.own_values.add(value)
        return value

    def control(
        self, shape: Shape = PLAIN, *, address: str | None = None, follows: bool = False
    ) -> GateProbe:
        """A request without the header."""
        return self._ask(CONTROL, (), MISSING, shape, address=address, follows=follows)

    def probe(
        self, case: HeaderCase, shape: Shape = PLAIN, *, claim: str | None = None, address: str | None = None
    ) -> GateProbe:
        """A request with a header, or with what resembles it; a control where the case has no line."""
        if not case.lines:
            return self.control(shape, address=address, follows=True)
        claim = claim or claim_of(case, self.caller.policy)
        return self._ask(str(case.label), case.lines, claim, shape, address=address)

    def repeat_of(
        self, gate_probe: GateProbe, shape: Shape | None = None, *, address: str | None = None
    ) -> GateProbe:
        """The same request from another address, or the same header in another shape."""
        shape = shape or gate_probe.shape
        return self._ask(
            gate_probe.probe.kind,
            gate_probe.header,
            gate_probe.claim,
            shape,
            address=address,
            follows=gate_probe.follows,
        )

    def sequence_repeat_of(self, gate_probes: Sequence[GateProbe]) -> list[GateProbe]:
        """The same sequence; what had one address has another one now, and still only one."""
        addresses = {
            address: self.address()
            for address in dict.fromkeys(gate_probe.address for gate_probe in gate_probes)
        }
        return [
            self.repeat_of(gate_probe, address=addresses[gate_probe.address]) for gate_probe in gate_probes
        ]

    def _host(self, number: int, forwarded: Forwarded) -> str:
        if forwarded in (Forwarded.IPV6, Forwarded.IPV6_LIST):
            return str(HOSTS[(self.run << 64) + number])
        place = (self.run + number) % sum(network.num_addresses for network in HOSTS_V4)
        return str(HOSTS_V4[place // 256][place % 256])

    def _ask(
        self,
        kind: str,
        lines: Lines,
        claim: str,
        shape: Shape,
        *,
        address: str | None = None,
        follows: bool = False,
    ) -> GateProbe:
        number = next(self._numbers)
        own = address or self._host(number, shape.forwarded)
        refused = HeaderCase(lines, Kind.BYTES).refused_by_http
        token = {Auth.ANONYMOUS: None, Auth.JUNK: JUNK_TOKEN, Auth.SIGNED_IN: self.caller.token}[shape.auth]
        signed_in = shape.auth is Auth.SIGNED_IN
        probe = Probe(
            request=shaped_request(
                shape,
                address=own,
                token=token,
                model=self.caller.free_model,
                header=lines,
                mark=self.mark,
            ),
            kind=kind,
            extension=ExtensionBuild.AFTER if lines else ExtensionBuild.BEFORE,
            auth=shape.auth,
            stream=shape.stream,
            user="the signed-in user" if signed_in else plan.ANONYMOUS_PREFIX + own,
            email=self.caller.email if signed_in else None,
            alone=address is None and not signed_in and ":" in own,
            refused=refused,
        )
        return GateProbe(number, probe, lines, claim, own, follows, shape)


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
