"""The requests that a stage is probed with: kinds of header x extension build x identity x streaming. Pure."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import count, product
from typing import Final

from harness.clients.exchange import HeaderLine
from harness.clients.extension import ExtensionBuild
from harness.clients.request_spec import RequestSpec
from harness.clients.shape import PLAIN
from harness.errors import UsageError
from harness.probing.probe_factory import Caller
from harness.rollout.tables import Header
from harness.rule.accepted_values import AcceptedValues
from harness.rule.policy import Policy
from harness.sut.observation import Probe

MACHINE: Final = "9d3f0c6f2a7be41d8c5b0e97a16f43d2c8e05b7a4f91d6328e0cb57fa1d94e63"
"""A machine id of the usual shape: 64 hex digits."""


def addresses(block: int = 0) -> Iterator[str]:
    """One address after another from a block of the documentation range 2001:db8::/32 (RFC 3849), none twice."""
    return (f"2001:db8:{block:x}:{number >> 16:x}::{number & 0xFFFF:x}" for number in count(1))


def header_kinds(caller: Caller) -> Mapping[str, tuple[HeaderLine, ...]]:
    """Kinds of header by name, `none` first, which is the control of all others, then `valid`.

    Lengths at the rule's bound and one beyond it are among them where it has one. Raises UsageError where no value is
    known that the rule stores.
    """
    return _kinds(caller.spec, caller.policy)


@lru_cache(maxsize=4)  # each stage and each step of a path asks for them
def _kinds(spec: RequestSpec, policy: Policy) -> Mapping[str, tuple[HeaderLine, ...]]:
    caller, header = Caller(spec, policy), spec.rollout.header
    accepted = AcceptedValues(policy, header)
    valid = next(iter(accepted.examples), None) or accepted.draw()
    if valid is None:
        raise UsageError("no value is known that the rule stores; give one as header.examples")
    kinds = {"none": (), "valid": caller.case(valid).lines}
    longest = _longest(header, accepted)
    if longest is not None:
        for value in (longest, longest + longest[-1:]):
            kinds[f"{len(value)} characters"] = caller.case(value).lines
    return kinds | {
        "beyond ASCII": caller.case(valid + b"\xe9").lines,
        "duplicate": caller.lines(valid, valid).lines,
    }


def _longest(header: Header, accepted: AcceptedValues) -> bytes | None:
    """A value of which all is stored, and none longer."""
    if any(operation.one_of for operation in header.rule):
        return None
    take = next((operation.take for operation in header.rule if operation.take), None)
    return b"a" * take if take else accepted.longest


def matrix(caller: Caller, origin: Iterator[str], *, released: bool, thin: bool = False) -> list[Probe]:
    """Every probe of one replica: of the extensions in the field, each kind of header, identity and streaming.

    An `after` extension may send any header, and a `before` one sends none. Until `after` is released, `before` sends
    them all the same: a proxy or a curious user may. (Later it would send the bytes that `after` sends.) With `thin`,
    requests that are not as usual carry only no header and a valid one.
    """
    kinds = header_kinds(caller)
    field = {ExtensionBuild.BEFORE: ("none",) if released else tuple(kinds)}
    if released:
        field[ExtensionBuild.AFTER] = tuple(kinds)
    probes = []
    for build, auth, stream in product(field, caller.auths, streaming(caller)):
        plain = auth is None and not stream
        for kind in field[build]:
            if thin and not plain and kind not in ("none", "valid"):
                continue
            shape = PLAIN._replace(auth=auth, stream=stream)
            probes.append(caller.probe(kinds[kind], shape, address=next(origin), kind=kind, extension=build))
    return probes


def streaming(caller: Caller) -> tuple[bool, ...]:
    """Whether a request asks for a stream: both, where the rollout knows streams."""
    return (False, True) if caller.streams.stream else (False,)
