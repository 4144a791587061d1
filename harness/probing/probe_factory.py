"""The one builder of requests: each with a shape, an address, and what its row is looked for by. Sends nothing.

Every request has an address of its own from a documentation range, unless a sequence is about what sticks to one.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, NamedTuple

from harness import plan
from harness.clients.exchange import HeaderLine, Request
from harness.clients.extension import (
    FREE_MODEL,
    JUNK_TOKEN,
    Auth,
    ExtensionBuild,
    derived_id,
    plan_header,
)
from harness.clients.shape import FACTORS, PLAIN, Forwarded, Shape
from harness.clients.shaped import shaped_request
from harness.errors import UsageError
from harness.probing.covering import Constraint, Factors
from harness.rule.cases import HeaderCase, Kind
from harness.rule.policy import STRICT, Policy
from harness.rule.samples import CaseSequence
from harness.sut.observation import Probe

HOSTS: Final = ipaddress.IPv6Network("2001:db8::/32")
"""Addresses for documentation (RFC 3849): nobody has them."""
HOSTS_V4: Final = tuple(map(ipaddress.IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))
"""The same for IPv4 (RFC 5737): too few to be a run's own, so rows are never found by them."""
CONTROL: Final = "none"
"""Kind of a request without the header."""
SOMEBODY: Final = "the signed-in user"
"""Who is signed in where only a token is known."""

Lines = tuple[HeaderLine, ...]


class SignedIn(NamedTuple):
    """A user, as far as known, and a token of that user."""

    user_id: str
    email: str
    token: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends, which model is asked for, and what is expected to answer."""

    free_model: str = FREE_MODEL
    policy: Policy = STRICT
    build: str = "after"
    """What is expected to be deployed: `before` or `after`."""
    signed_in: SignedIn | None = None
    given_bytes: int = 0
    """What goes into every head beside the request's own lines."""

    def probe(
        self,
        header: Lines,
        shape: Shape = PLAIN,
        *,
        address: str,
        kind: str = CONTROL,
        number: int = 0,
        extension: ExtensionBuild = ExtensionBuild.AFTER,
        alone: bool = True,
        follows: bool = False,
        at_once: bool = False,
        mark: str = "",
        stub: dict[str, Any] | None = None,
    ) -> Probe:
        """One request of a shape with these lines as its header; the fields of `Probe` say what the rest is.

        `stub` is what the upstream stub is asked to do; a real upstream never gets one. Raises UsageError to sign in
        where no user is known.
        """
        user, email, token = plan.ANONYMOUS_PREFIX + address, None, None
        if shape.auth is Auth.JUNK:
            token = JUNK_TOKEN
        elif shape.auth is Auth.SIGNED_IN:
            if self.signed_in is None:
                raise UsageError("cannot sign in: no token is known for this target; leave --auth out")
            user, email, token = self.signed_in
        request = shaped_request(
            shape,
            address=address,
            token=token,
            model=self.free_model,
            header=header,
            mark=mark,
            stub=stub,
        )
        return Probe(
            request=request,
            kind=kind,
            header=header,
            shape=shape,
            address=address,
            extension=extension,
            user=user,
            email=email,
            number=number,
            alone=alone and email is None,
            refused=bool(header) and HeaderCase(header, Kind.BYTES).refused_by_http,
            follows=follows,
            at_once=at_once,
        )

    def sequence(self, cases: CaseSequence, shape: Shape = PLAIN, *, address: str) -> list[Probe]:
        """Requests from one address, one for each case; the only one is told by its address, too."""
        return [
            self.probe(case.lines, shape, address=address, kind=str(case.label), alone=len(cases) == 1)
            for case in cases
        ]

    @property
    def known(self) -> tuple[Auth, ...]:
        """Every way in which requests can be signed."""
        return tuple(auth for auth in Auth if auth is not Auth.SIGNED_IN or self.signed_in is not None)

    @property
    def factors(self) -> Factors:
        """The factors of a request, with those values that this caller can send."""
        return {**FACTORS, "auth": self.known}

    @property
    def constraints(self) -> list[Constraint]:
        """What this caller cannot send together: of which organization the test user is a member is not known."""
        return [frozenset({("auth", Auth.SIGNED_IN), ("organization", True)})] if self.signed_in else []

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

    def control(self, shape: Shape = PLAIN, *, address: str | None = None, follows: bool = False) -> Probe:
        """A request without the header."""
        return self._probe(CONTROL, (), shape, address=address, follows=follows)

    def probe(
        self, case: HeaderCase, shape: Shape = PLAIN, *, at_once: bool = False, address: str | None = None
    ) -> Probe:
        """A request with a header, or with what resembles it; a control where the case has no line."""
        if not case.lines:
            return self.control(shape, address=address, follows=True)
        return self._probe(str(case.label), case.lines, shape, address=address, at_once=at_once)

    def repeat_of(self, probe: Probe, shape: Shape | None = None, *, address: str | None = None) -> Probe:
        """The same request from another address, or the same header in another shape."""
        return self._probe(
            probe.kind,
            probe.header,
            shape or probe.shape,
            address=address,
            follows=probe.follows,
            at_once=probe.at_once,
        )

    def sequence_repeat_of(self, probes: Sequence[Probe]) -> list[Probe]:
        """The same sequence; what had one address has another one now, and still only one."""
        addresses = {address: self.address() for address in dict.fromkeys(probe.address for probe in probes)}
        return [self.repeat_of(probe, address=addresses[probe.address]) for probe in probes]

    def _host(self, number: int, forwarded: Forwarded) -> str:
        if forwarded in (Forwarded.IPV6, Forwarded.IPV6_LIST):
            return str(HOSTS[(self.run << 64) + number])
        place = (self.run + number) % sum(network.num_addresses for network in HOSTS_V4)
        return str(HOSTS_V4[place // 256][place % 256])

    def _probe(
        self,
        kind: str,
        header: Lines,
        shape: Shape,
        *,
        address: str | None = None,
        follows: bool = False,
        at_once: bool = False,
    ) -> Probe:
        number = next(self._numbers)
        own = address or self._host(number, shape.forwarded)
        return self.caller.probe(
            header,
            shape,
            address=own,
            kind=kind,
            number=number,
            extension=ExtensionBuild.AFTER if header else ExtensionBuild.BEFORE,
            alone=address is None and ":" in own,
            follows=follows,
            at_once=at_once,
            mark=self.mark,
        )


def received_probe(values: Sequence[bytes], *, user: str, email: str | None, stream: bool) -> Probe:
    """A request that somebody else has sent, by what of it its row depends on."""
    header = tuple(line for value in values for line in plan_header(value))
    return Probe(
        request=Request(PLAIN.path, header, b""),
        kind="as received",
        header=header,
        shape=PLAIN._replace(auth=Auth.ANONYMOUS if email is None else Auth.SIGNED_IN, stream=stream),
        address="",
        extension=ExtensionBuild.AFTER if header else ExtensionBuild.BEFORE,
        user=user,
        email=email,
        alone=False,
    )


def value_case(value: bytes, label: Kind = Kind.BYTES) -> HeaderCase:
    """One line with this value."""
    return HeaderCase(plan_header(value), label)
