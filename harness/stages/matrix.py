"""The requests that a stage is probed with: kinds of header x extension build x sign-in x streaming. Pure."""

from collections.abc import Iterator
from itertools import count, product
from typing import Final

from harness import plan
from harness.clients.exchange import HeaderLine
from harness.clients.extension import Auth, ExtensionBuild, derived_id, plan_header
from harness.clients.shape import PLAIN
from harness.probing.probe_factory import Caller
from harness.sut.observation import Probe

MACHINE: Final = "9d3f0c6f2a7be41d8c5b0e97a16f43d2c8e05b7a4f91d6328e0cb57fa1d94e63"
"""A machine id of the usual shape: 64 hex digits."""


def addresses(block: int = 0) -> Iterator[str]:
    """One address after another from a block of the documentation range 2001:db8::/32 (RFC 3849), none twice."""
    return (f"2001:db8:{block:x}:{number >> 16:x}::{number & 0xFFFF:x}" for number in count(1))


def header_kinds() -> dict[str, tuple[HeaderLine, ...]]:
    """Kinds of header by name, `none` first: it is the control of all others."""
    limit = plan.LENGTH_MAX
    valid = derived_id(MACHINE)
    return {
        "none": (),
        "valid": plan_header(valid),
        f"{limit} characters": plan_header("a" * limit),
        f"{limit + 1} characters": plan_header("a" * (limit + 1)),
        "bad byte": plan_header(valid + "\u00e9"),
        "duplicate": plan_header(valid) * 2,
    }


def matrix(caller: Caller, origin: Iterator[str], *, released: bool, thin: bool = False) -> list[Probe]:
    """Every probe of one replica: of the extensions in the field, each kind of header, sign-in and streaming.

    An `after` extension may send any header, and a `before` one sends none. Until `after` is released, `before` sends
    them all the same: a proxy or a curious user may. (Later it would send the bytes that `after` sends.) With `thin`,
    signed-in, junk and streaming requests carry only no header and a valid one.
    """
    kinds = header_kinds()
    field = {ExtensionBuild.BEFORE: ("none",) if released else tuple(kinds)}
    if released:
        field[ExtensionBuild.AFTER] = tuple(kinds)
    probes = []
    for build, auth, stream in product(field, Auth, (False, True)):
        plain = auth is Auth.ANONYMOUS and not stream
        for kind in field[build]:
            if thin and not plain and kind not in ("none", "valid"):
                continue
            probes.append(
                caller.probe(
                    kinds[kind],
                    PLAIN._replace(auth=auth, stream=stream),
                    address=next(origin),
                    kind=kind,
                    extension=build,
                )
            )
    return probes
