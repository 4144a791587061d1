"""What requests of a rollout look like: its file's paths, bodies, headers and identities, as factors of a shape.

Builds the request of a shape: header lines and body as a real client would send them. Sends nothing.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from harness.clients.exchange import HeaderLine, Request
from harness.clients.extra_lines import extra_lines, with_query
from harness.clients.filled_text import Parameters, filled
from harness.clients.shape import PLAIN, Connection, Extra, Forwarded, Shape
from harness.errors import UsageError
from harness.rollout import Rollout, load_rollout
from harness.rollout.checking import PLACEHOLDER
from harness.rollout.tables import FILLED_IN, Identity

AGENT: Final = "user-agent"
_LISTED: Final = (Forwarded.IPV6_LIST, Forwarded.IPV4_LIST)


@dataclass(frozen=True, eq=False)
class RequestSpec:
    """The requests of one rollout."""

    rollout: Rollout

    @cached_property
    def header_name(self) -> bytes:
        """The header that is rolled out, in lower case, as it is sent by default."""
        return self.rollout.header.name.lower().encode("ascii")

    @cached_property
    def reply_id(self) -> tuple[str, ...]:
        """Where the reply's JSON holds its id: a name at each depth."""
        return tuple(self.rollout.tables.request.reply_id.split("."))

    @cached_property
    def identities(self) -> tuple[Identity, ...]:
        """Who may ask, the usual one first."""
        return self.rollout.tables.identity

    @cached_property
    def _by_name(self) -> Mapping[str, Identity]:
        return {identity.name: identity for identity in self.identities}

    def identity(self, name: str | None) -> Identity:
        """The identity of a name; None is the usual one. Raises UsageError for another."""
        if name is None:
            return self.identities[0]
        found = self._by_name.get(name)
        if found is None:
            known = ", ".join(identity.name for identity in self.identities)
            raise UsageError(f"{name!r} is no identity of rollout {self.rollout.name}; there are {known}")
        return found

    def is_known(self, identity: Identity, parameters: Parameters) -> bool:
        """Whether every parameter that is needed to ask as this identity is given, and what its rows hold."""
        texts = (identity.auth, identity.value, *identity.headers.values())
        return all(
            name in parameters or name in FILLED_IN
            for text in texts
            for name in PLACEHOLDER.findall(text or "")
        )

    @cached_property
    def factors(self) -> Mapping[str, tuple[object, ...]]:
        """Every factor with its values, the usual one first; a factor with one value is none."""
        request = self.rollout.tables.request
        headers = {
            name.lower(): (None, *values[1:]) for name, values in request.headers.items() if len(values) > 1
        }
        listed: dict[str, tuple[object, ...]] = {
            "path": (None, *request.paths[1:]),
            "auth": (None, *(identity.name for identity in self.identities[1:])),
            "stream": (False, True) if request.streams else (False,),
            "forwarded": tuple(Forwarded) if request.client_address else (Forwarded.IPV6,),
            "body": (None, *request.bodies[1:]),
            **headers,
            "extra": tuple(Extra),
            "connection": (Connection.KEPT, Connection.CLOSED),
        }
        return {name: values for name, values in listed.items() if len(values) > 1}

    @cached_property
    def column(self) -> str:
        """The column that is rolled out."""
        store = self.rollout.tables.store
        return (store.detail or store.main).column or ""

    @cached_property
    def nouns(self) -> tuple[str, ...]:
        """What a row of the main table is called, and where there is one, of the detail."""
        store = self.rollout.tables.store
        main = store.main.noun or f"row of {store.main.table}"
        return (main, store.detail.noun or f"row of {store.detail.table}") if store.detail else (main,)

    @property
    def pair(self) -> str:
        """What a request must leave."""
        return f"one {' with its '.join(self.nouns)}"

    def named(self, factor: str, value: object) -> object:
        """The value of a factor as it is written in the file: that of the usual one in place of None."""
        if value is not None:
            return value
        request = self.rollout.tables.request
        usual = {
            "path": request.paths,
            "auth": [self.identities[0].name],
            "body": request.bodies or ("none",),
        }
        return usual[factor][0] if factor in usual else self._headers[factor][0] or "none"

    def circumstances(self, shape: Shape) -> dict[str, object]:
        """Each factor with the value that a shape has for it, as it is written in the file."""
        return {factor: self.named(factor, shape.value(factor)) for factor in self.factors}

    def request(
        self,
        shape: Shape,
        parameters: Parameters,
        *,
        address: str,
        header: tuple[HeaderLine, ...] = (),
        mark: str = "",
        number: int = 0,
        stub: Mapping[str, Any] | None = None,
    ) -> Request:
        """One request of this shape from an address; `header` are the lines under test, sent last but one.

        `mark` is a product that is added to the usual user agent; another agent is sent as it is. `stub` is what the
        upstream stub is asked to do; a real upstream never gets one.
        """
        table = self.rollout.tables.request
        given = tuple(parameters.items())
        first, rest, closes = _lines_around(self, shape, given, mark)
        body = _body(
            self, shape.body, given, shape.stream, number if "{uuid}" in self._body_text(shape.body) else 0
        )
        if stub is not None:
            body = json.dumps(json.loads(body) | {"stub": stub}).encode()
        forwarded: tuple[HeaderLine, ...] = ()
        if table.client_address:
            listed = f"{address}, 10.0.0.1" if shape.forwarded in _LISTED else address
            forwarded = ((table.client_address.encode(), listed.encode()),)
        path = shape.path or table.paths[0]
        if shape.extra is Extra.QUERY:
            path = with_query(path, self.names_alike)
        return Request(path, (*first, *forwarded, *rest, *header, *closes), body, table.method)

    @cached_property
    def _headers(self) -> Mapping[str, tuple[str, ...]]:
        headers = self.rollout.tables.request.headers
        return {name.lower(): values for name, values in headers.items() if values}

    def _body_text(self, name: str | None) -> str:
        bodies = self.rollout.tables.request.bodies
        return _text(self, name or bodies[0]) if bodies else ""

    @property
    def names_alike(self) -> tuple[str, ...]:
        """Names that something may take for that of the header or the column."""
        header = self.header_name.decode()
        relation = self.rollout.tables.store.detail or self.rollout.tables.store.main
        short = header.removeprefix("x-")
        names = (header, short, short.replace("-", "_"), self._bare_name, relation.column or short)
        return tuple(dict.fromkeys(names))

    @property
    def _bare_name(self) -> str:
        """The last words of the header's name, as they may stand anywhere else."""
        return "_".join(self.header_name.decode().removeprefix("x-").split("-")[-2:])

    def extra_lines(self, extra: Extra) -> tuple[tuple[str, str], ...]:
        """Header lines that a client's library adds, or something between client and backend."""
        return extra_lines(extra, self.names_alike, self._bare_name)


@lru_cache(maxsize=64)
def _text(spec: RequestSpec, name: str) -> str:
    return spec.rollout.text(name)


@lru_cache(maxsize=512)
def _body(
    spec: RequestSpec, name: str | None, given: tuple[tuple[str, str], ...], stream: bool, number: int
) -> bytes:
    text = spec._body_text(name)
    if not text:
        return b""
    escaped = {key: json.dumps(value, ensure_ascii=False)[1:-1] for key, value in given}
    values = escaped | {"stream": "true" if stream else "false"}
    return json.dumps(json.loads(filled(text, values, number)), ensure_ascii=False).encode()


@lru_cache(maxsize=512)  # a control and its probes are of one shape
def _lines_around(
    spec: RequestSpec, shape: Shape, given: tuple[tuple[str, str], ...], mark: str
) -> tuple[tuple[HeaderLine, ...], ...]:
    """What is sent before the address, after it, and behind the header under test."""
    parameters = dict(given)
    first = list(_first_lines(spec, shape, mark))
    rest = [(name, filled(value, parameters)) for name, value in _further_lines(spec, shape)]
    closes = ((b"connection", b"close"),) if shape.connection is Connection.CLOSED else ()
    return _encoded(first), _encoded(rest), closes


def _encoded(lines: list[tuple[str, str]]) -> tuple[HeaderLine, ...]:
    return tuple((name.encode(), value.encode("latin-1")) for name, value in lines)


def _first_lines(spec: RequestSpec, shape: Shape, mark: str) -> Iterator[tuple[str, str]]:
    if spec.rollout.tables.request.bodies:
        yield "content-type", "application/json"
    agents = spec._headers.get(AGENT)
    other = shape.value(AGENT)
    if agents is None or other is None:
        if agent := " ".join(filter(None, (agents[0] if agents else "", mark))):
            yield AGENT, agent
    elif other:
        yield AGENT, str(other)


def _further_lines(spec: RequestSpec, shape: Shape) -> Iterator[tuple[str, str]]:
    identity = spec.identity(shape.auth)
    if identity.auth is not None:
        yield "authorization", identity.auth
    yield from identity.headers.items()
    for name, values in spec._headers.items():
        value = shape.value(name)
        text = values[0] if value is None else str(value)
        if name != AGENT and text:
            yield name, text
    yield from spec.extra_lines(shape.extra)


@lru_cache(maxsize=1)
def plan_spec() -> RequestSpec:
    """The requests of the plan's own rollout, for those who know no other."""
    return RequestSpec(load_rollout())


def plain_shapes(spec: RequestSpec) -> list[Shape]:
    """The shapes that differ from the plainest in one factor each."""
    return [PLAIN.having(name, value) for name, values in spec.factors.items() for value in values[1:]]
