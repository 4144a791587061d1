"""A running stage in a user's hands: the reference's replicas on a Postgres of their own, requests and their rows.

Theory. What runs is in a process of its own (`host`), which ends with its input: with the context, with the
interpreter, and when that is killed. Requests and rows go straight from here to the replicas and the database.
Synchronous calls run their coroutine on a thread of its own, so they also work where a loop is running already.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import count
from typing import Any, Final, Literal, NamedTuple, Self, TypeVar, get_args

import psycopg

from harness.clients.exchange import Reply
from harness.clients.request_spec import RequestSpec
from harness.clients.shape import PLAIN
from harness.database.declared import DeclaredStore
from harness.errors import UsageError
from harness.library.header_value import HeaderValue, header_lines
from harness.library.stage_messages import StageReady, StageRequest
from harness.library.stage_process import StageProcess
from harness.probing.probe_factory import Caller
from harness.rollout import Rollout, load_rollout
from harness.rule.policy import POLICIES, STRICT, header_policy
from harness.stages.of_rollout import model_of
from harness.sut.observation import Probe, Row
from harness.sut.reference import send_over_wire
from harness.sut.rows import Rows, key_of

WAIT_ROWS_S: Final = 1.0

Version = Literal["before", "after"]
Schema = Literal["base", "column", "ready"]
Value = TypeVar("Value")


class Sent(NamedTuple):
    """A request that was sent to a stage, with its reply."""

    reply: Reply
    probe: Probe
    since: datetime
    """The database's clock before it was sent."""


@dataclass
class RunningStage:
    """A stage that runs from the beginning of its context to the end; synchronous (`with`) or not (`async with`).

    `send` and `rows` are called where there is no event loop of one's own, `asend` and `arows` where there is one;
    several threads and tasks may call them at once.
    """

    order: StageRequest
    rollout: Rollout
    """Whose stage it is."""
    _process: StageProcess | None = None
    _addresses: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def url(self) -> str:
        """URL of the first replica, without a path."""
        return self.urls[0]

    @property
    def urls(self) -> tuple[str, ...]:
        """URL of each replica."""
        return self._running.urls

    @property
    def dsn(self) -> str:
        """Its database, as a superuser; gone with the stage."""
        return self._running.dsn

    @property
    def parameters(self) -> Mapping[str, str]:
        """What stands for {NAME} in the rollout's requests, as `gate` takes it: a user of this database is among it."""
        declared, known = self.rollout.tables.parameter, self._running.parameters
        return {name: known[name] for name in declared if name in known}

    def send(
        self,
        value: HeaderValue = None,
        *,
        caller: str | None = None,
        stream: bool = False,
        replica: int = 0,
    ) -> Sent:
        """Sends one request and returns it with its reply, which may be a refusal.

        `value` is what the header holds: text (as UTF-8), bytes as they are, several for as many lines, None for no
        header. `caller` is an identity of the rollout's file, by default the first; of the plan's `anonymous`,
        `junk token` or `signed in`. Each request has an address of its own. `replica` counts from 0. Raises UsageError
        for an identity that there is none of, and for a stream where the rollout has none.
        """
        return blocking(self.asend(value, caller=caller, stream=stream, replica=replica))

    async def asend(
        self,
        value: HeaderValue = None,
        *,
        caller: str | None = None,
        stream: bool = False,
        replica: int = 0,
    ) -> Sent:
        """As `send`."""
        if stream and not self.rollout.tables.request.streams:
            raise UsageError(
                f"rollout {self.rollout.name} has no streams (request.streams); leave stream out"
            )
        lines = tuple((self._spec.header_name, line) for line in header_lines(value))
        number = next(self._addresses)
        asking = Caller(
            self._spec, header_policy(self.rollout, self.order.policy), parameters=self._running.parameters
        )
        sent = asking.probe(
            lines,
            PLAIN._replace(auth=caller, stream=stream),
            address=f"2001:db8:{number >> 16:x}::{number & 0xFFFF:x}",
            unique=number,
            kind="a user's own",
        )
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            since = await Rows(connection, self._store).now()
        (reply,) = await send_over_wire(self.urls[replica], [sent.request])
        return Sent(reply, sent, since)

    def rows(self, sent: Sent, *, wait_s: float = WAIT_ROWS_S) -> tuple[Row, ...]:
        """The rows that a request left: one of the main table with its detail each.

        Waits until they are there, at most `wait_s`: accounting comes after the reply. Empty where there are none.
        """
        return blocking(self.arows(sent, wait_s=wait_s))

    async def arows(self, sent: Sent, *, wait_s: float = WAIT_ROWS_S) -> tuple[Row, ...]:
        """As `rows`."""
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            (found,) = await Rows(connection, self._store).arrived(
                [key_of(sent.probe, sent.reply)], sent.since, wait_s=wait_s
            )
        return found

    def __enter__(self) -> Self:
        """Starts it. Raises UsageError for what there is none of, UnavailableError when it does not start."""
        if self._process is not None:
            raise UsageError("this stage runs already; make another one with stage()")
        self._process = StageProcess(self.order)
        return self

    def __exit__(self, *_exception: object) -> None:
        """Ends it, and all that it started."""
        process, self._process = self._process, None
        if process is not None:
            process.end()

    async def __aenter__(self) -> Self:
        """As `__enter__`."""
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_exception: object) -> None:
        """As `__exit__`."""
        await asyncio.to_thread(self.__exit__)

    @cached_property
    def _spec(self) -> RequestSpec:
        return RequestSpec(self.rollout)

    @cached_property
    def _store(self) -> DeclaredStore:
        return DeclaredStore(self.rollout)

    @property
    def _running(self) -> StageReady:
        if self._process is None:
            raise UsageError(
                "the stage does not run; use it inside its context: with stage() as running: ..."
            )
        return self._process.ready


def stage(
    *,
    rollout: Rollout | None = None,
    schema: Schema = "ready",
    replicas: tuple[Version, ...] | None = None,
    before: str = "before",
    after: str = "after",
    policy: str = STRICT.name,
    postgres: str = "embedded",
) -> RunningStage:
    """A stage of a rollout, by default the plan's, to be started by its context: a database, replicas, an upstream.

    `schema` is `base`, `column` (the first step of SQL is done) or `ready` (all are); `replicas` are as many as the
    rollout has, by default all new. `before` and `after` name the builds that run as these versions; `harness fuzz
    --list-builds` lists them, the faulty ones too. `policy` is a revision of the plan's rule. `postgres` is what
    `--postgres` takes. Nothing of it outlives the context or the interpreter. Raises UsageError for a state, version or
    policy that there is none of.
    """
    own = load_rollout() if rollout is None else rollout
    count_needed = model_of(own).replicas
    versions = ("after",) * count_needed if replicas is None else replicas
    known = {"schema": (schema, get_args(Schema)), "policy": (policy, tuple(POLICIES))}
    known |= {f"replicas[{at}]": (version, get_args(Version)) for at, version in enumerate(versions)}
    for name, (given, words) in known.items():
        if given not in words:
            raise UsageError(f"stage({name}={given!r}): there is none; give one of {', '.join(words)}")
    if len(versions) != count_needed:
        raise UsageError(
            f"stage(replicas=...): {len(versions)} given; a stage of {own.name} has {count_needed}"
        )
    folder = "" if rollout is None else str(rollout.folders[0])
    return RunningStage(StageRequest(schema, versions, before, after, policy, postgres, folder), own)


def blocking(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """What a coroutine returns, waited for; also in a thread whose event loop is running."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(asyncio.run, coroutine).result()
