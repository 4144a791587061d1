"""The one builder of requests: each with a shape, an address, and what its row is looked for by. Sends nothing.

Every request has an address of its own from a documentation range, unless a sequence is about what sticks to one.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any, Final, NamedTuple

from harness.clients.exchange import HeaderLine, Request
from harness.clients.extension import FREE_MODEL, ExtensionBuild
from harness.clients.filled_text import Parameters, user_of, value_of
from harness.clients.request_spec import RequestSpec, plan_spec
from harness.clients.shape import PLAIN, Forwarded, Shape
from harness.errors import UsageError
from harness.probing.covering import Constraint, Factors
from harness.rollout.identities import has_account, is_by_address, stores_header
from harness.rollout.tables import Identity
from harness.rule.accepted_values import AcceptedValues
from harness.rule.cases import CaseSequence, HeaderCase, Kind
from harness.rule.policy import STRICT, Policy
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
    """Who sends requests of a rollout, with which parameters, and what is expected to answer."""

    spec: RequestSpec
    policy: Policy = STRICT
    build: str = "after"
    """What is expected to be deployed: `before` or `after`."""
    parameters: Parameters = field(default_factory=dict, repr=False)
    """What stands for {NAME} in the texts of the rollout's file."""
    given_bytes: int = 0
    """What goes into every head beside the request's own lines."""
    left_out: frozenset[str] = frozenset()
    """Identities as which nobody can ask here."""

    def probe(
        self,
        header: Lines,
        shape: Shape = PLAIN,
        *,
        address: str,
        kind: str = CONTROL,
        number: int = 0,
        unique: int = 0,
        extension: ExtensionBuild = ExtensionBuild.AFTER,
        alone: bool = True,
        follows: bool = False,
        at_once: bool = False,
        mark: str = "",
        stub: dict[str, Any] | None = None,
    ) -> Probe:
        """One request of a shape with these lines as its header; the fields of `Probe` say what the rest is.

        {uuid} in a body depends on `unique`. `stub` is what the upstream stub is asked to do; a real upstream never
        gets one. Raises UsageError to ask as an identity of which a parameter is not known.
        """
        spec, identity = self.spec, self.spec.identity(shape.auth)
        if shape.auth == spec.identities[0].name:
            shape = shape._replace(auth=None)
        if identity not in self.known:
            raise UsageError(
                f"cannot ask as {identity.name!r}: no token is known for this target; leave --auth out"
            )
        email = value_of(identity, self.parameters)
        request = spec.request(
            shape, self.parameters, address=address, header=header, mark=mark, number=unique, stub=stub
        )
        user = user_of(identity, self.parameters, address)
        return Probe(
            request=request,
            kind=kind,
            header=header,
            shape=shape,
            address=address,
            extension=extension,
            user=user if user is not None else SOMEBODY if identity.user else "",
            spec=spec,
            email=email,
            number=number,
            alone=alone and is_by_address(identity),
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
    def known(self) -> tuple[Identity, ...]:
        """Every identity that requests can be sent as."""
        return _known(self.spec, self.left_out, tuple(self.parameters.items()))

    @property
    def accounts(self) -> tuple[Identity, ...]:
        """Those of them that are users of their own."""
        return tuple(filter(has_account, self.known))

    @property
    def auths(self) -> tuple[str | None, ...]:
        """Those of them that are like no other, as values of the factor: the usual one is None."""
        usual = self.spec.identities[0]
        return tuple(
            None if identity == usual else identity.name for identity in self.known if identity.like is None
        )

    @property
    def alike(self) -> tuple[Identity, ...]:
        """Those of them that are like another one."""
        return tuple(identity for identity in self.known if identity.like is not None)

    def with_alike(self, constraints: Sequence[Constraint]) -> list[Constraint]:
        """The constraints, each of an identity also for those that are like it."""
        more = (
            constraint - {("auth", each.like)} | {("auth", each.name)}
            for constraint in constraints
            for each in self.alike
            if ("auth", each.like) in constraint
        )
        return list(dict.fromkeys((*constraints, *more)))

    @property
    def factors(self) -> Factors:
        """The factors of a request, with those values that this caller can send."""
        factors = dict(self.spec.factors)
        if "auth" in factors:
            factors["auth"] = (*self.auths, *(each.name for each in self.alike))
        return factors

    @property
    def constraints(self) -> list[Constraint]:
        """What this caller cannot send together: of which organization a user is a member is not known."""
        headers = [
            (name, value)
            for name, values in self.factors.items()
            if name.endswith("organizationid")
            for value in values
            if value
        ]
        return [
            frozenset({("auth", account.name), header}) for account in self.accounts for header in headers
        ]

    @property
    def streams(self) -> Shape:
        """A plain request that asks for a stream, where the rollout knows such."""
        return PLAIN._replace(stream="stream" in self.spec.factors)

    def shows_values(self, shape: Shape) -> bool:
        """Whether the row of such a request holds what the rule makes of its header."""
        return stores_header(self.spec.identity(shape.auth))

    def case(self, value: bytes, label: Kind = Kind.BYTES) -> HeaderCase:
        """One line of the header with this value."""
        return self.lines(value, label=label)

    def lines(self, *values: bytes, label: Kind = Kind.DUPLICATE) -> HeaderCase:
        """A line of the header for each value."""
        name = self.spec.header_name
        return HeaderCase(tuple((name, value) for value in values), label, name)

    @property
    def cells(self) -> list[Shape]:
        """Every path, as every identity, streaming or not; otherwise plain."""
        factors = self.factors
        return [
            PLAIN._replace(path=path, auth=auth, stream=stream)  # type: ignore[arg-type]
            for path in factors.get("path", (None,))
            for auth in (self.auths if "auth" in factors else (None,))
            for stream in factors.get("stream", (False,))
        ]


@lru_cache(maxsize=16)  # asked for with every request
def _known(
    spec: RequestSpec, left_out: frozenset[str], parameters: tuple[tuple[str, str], ...]
) -> tuple[Identity, ...]:
    given = dict(parameters)
    return tuple(
        identity
        for identity in spec.identities
        if identity.name not in left_out and spec.is_known(identity, given)
    )


def plan_caller(
    free_model: str = FREE_MODEL,
    policy: Policy = STRICT,
    build: str = "after",
    signed_in: SignedIn | None = None,
    given_bytes: int = 0,
) -> Caller:
    """Who sends requests of the plan's own rollout."""
    parameters = {"model": free_model}
    if signed_in is not None:
        parameters |= {"token": signed_in.token, "email": signed_in.email}
        parameters |= {"user_id": signed_in.user_id} if signed_in.user_id != SOMEBODY else {}
    return Caller(plan_spec(), policy, build, parameters, given_bytes)


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
    _accepted: AcceptedValues = field(init=False)
    _is_unique: bool = field(init=False)

    def __post_init__(self) -> None:
        """Its values are drawn from the rule, others in each run."""
        self._accepted = AcceptedValues(self.caller.policy, self.caller.spec.rollout.header, self.run)
        self._is_unique = self._accepted.is_unique

    def address(self) -> str:
        """An address to share between requests."""
        return self._host(next(self._numbers), PLAIN.forwarded)

    def own_value(self) -> bytes:
        """A valid value that no other request sends, where the rule accepts so many; else any.

        Raises UsageError where none is known.
        """
        value = self._accepted.draw() or next(iter(self._accepted.examples), None)
        if value is None:
            raise UsageError("no value is known that the rule stores as it is; give one as header.examples")
        if self._is_unique:
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
            unique=(self.run << 32) + number,
            extension=ExtensionBuild.AFTER if header else ExtensionBuild.BEFORE,
            alone=address is None and ":" in own,
            follows=follows,
            at_once=at_once,
            mark=self.mark,
        )


def received_probe(
    spec: RequestSpec, values: Sequence[bytes], *, path: str, user: str, email: str | None, stream: bool
) -> Probe:
    """A request that somebody else has sent, by what of it its row depends on; `email` is a signed-in user's."""
    header = tuple((spec.header_name, value) for value in values)
    accounts = [identity for identity in spec.identities if has_account(identity)]
    return Probe(
        request=Request(path, header, b""),
        kind="as received",
        header=header,
        shape=PLAIN._replace(auth=None if email is None else accounts[0].name, stream=stream),
        address="",
        extension=ExtensionBuild.AFTER if header else ExtensionBuild.BEFORE,
        user=user,
        spec=spec,
        email=None if email is None else value_of(accounts[0], {"email": email}),
        alone=False,
    )
