"""The requests that a stage is probed with: kinds of header x extension build x sign-in x streaming. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, product
from typing import Any, Final

from harness import plan
from harness.clients.exchange import HeaderLine
from harness.clients.extension import (
    FREE_MODEL,
    JUNK_TOKEN,
    Auth,
    ExtensionBuild,
    Installation,
    derived_id,
    plan_header,
    request,
)
from harness.sut.observation import Probe

MACHINE: Final = "9d3f0c6f2a7be41d8c5b0e97a16f43d2c8e05b7a4f91d6328e0cb57fa1d94e63"
"""A machine id of the usual shape: 64 hex digits."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user of the seeded database, and a token of that user."""

    user_id: str
    email: str
    token: str


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


def matrix(signed_in: SignedIn, origin: Iterator[str], *, released: bool, thin: bool = False) -> list[Probe]:
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
                probe(signed_in, next(origin), build, auth, kind=kind, lines=kinds[kind], stream=stream)
            )
    return probes


def probe(
    signed_in: SignedIn,
    address: str,
    build: ExtensionBuild,
    auth: Auth,
    *,
    kind: str,
    lines: tuple[HeaderLine, ...],
    stream: bool,
    stub: dict[str, Any] | None = None,
    model: str = FREE_MODEL,
) -> Probe:
    """One probe, with the user under whom its rows must appear; `stub` is what the upstream stub is asked to do."""
    signed = auth is Auth.SIGNED_IN
    token = {Auth.ANONYMOUS: None, Auth.JUNK: JUNK_TOKEN, Auth.SIGNED_IN: signed_in.token}[auth]
    return Probe(
        request=request(
            Installation(MACHINE, token=token),
            build,
            address=address,
            stream=stream,
            model=model,
            header=lines,
            stub=stub,
        ),
        kind=kind,
        extension=build,
        auth=auth,
        stream=stream,
        user=signed_in.user_id if signed else plan.ANONYMOUS_PREFIX + address,
        email=signed_in.email if signed else None,
        alone=not signed,
    )
