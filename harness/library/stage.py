"""A running stage in a user's hands: the reference's replicas on a Postgres of their own, requests and their rows.

Theory. What runs is in a process of its own (`host`), which ends with its input: with the context, with the
interpreter, and when that is killed. Requests and rows go straight from here to the replicas and the database.
Synchronous calls run their coroutine on a thread of its own, so they also work where a loop is running already.
"""

import asyncio
import select
import subprocess
import sys
from collections.abc import Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple, Self, TypeVar, get_args

import psycopg
from msgspec import json

from harness import plan
from harness.clients.exchange import Reply
from harness.clients.extension import Auth
from harness.clients.shape import PLAIN
from harness.errors import UnavailableError, UsageError
from harness.library.stage_messages import StageFailed, StageReady, StageRequest
from harness.probing.probe_factory import SignedIn, plan_caller
from harness.rule.policy import POLICIES, STRICT
from harness.sut.observation import Probe, Row
from harness.sut.reference import send_over_wire
from harness.sut.rows import Rows, key_of

START_S_MAX: Final = 180.0
"""Above what the embedded server is given."""
STOP_S_MAX: Final = 60.0
WAIT_ROWS_S: Final = 1.0
REPLICAS: Final = 2

Caller = Literal["anonymous", "junk token", "signed in"]
Version = Literal["before", "after"]
Schema = Literal["base", "column", "ready"]
HeaderValue = str | bytes | Sequence[str | bytes] | None
"""What a header holds: text (as UTF-8), bytes, several for as many lines, None for no header."""
Value = TypeVar("Value")

# Not `python -m`, which finds the package only where it is installed or lies in the working directory: this process may
# have it by a changed sys.path, which a child does not inherit. The root goes last, so that it hides nothing.
_PROGRAM: Final = (
    "import sys; sys.path.append(sys.argv[1]); from harness.library.host import main; sys.exit(main())"
)


class Sent(NamedTuple):
    """A request that was sent to a stage, with its reply."""

    reply: Reply
    probe: Probe
    since: datetime
    """The database's clock before it was sent."""


@dataclass(slots=True)
class RunningStage:
    """A stage that runs from the beginning of its context to the end; synchronous (`with`) or not (`async with`).

    `send` and `rows` are called where there is no event loop of one's own, `asend` and `arows` where there is one;
    several threads and tasks may call them at once.
    """

    order: StageRequest
    _process: "subprocess.Popen[bytes] | None" = None
    _ready: StageReady | None = None
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

    def send(
        self,
        value: HeaderValue = None,
        *,
        caller: Caller = "anonymous",
        stream: bool = False,
        replica: int = 0,
    ) -> Sent:
        """Sends one request and returns it with its reply, which may be a refusal.

        `value` is what the header holds: text (as UTF-8), bytes as they are, several for as many lines, None for no
        header. Each anonymous request has an address of its own. `replica` counts from 0.
        """
        return blocking(self.asend(value, caller=caller, stream=stream, replica=replica))

    async def asend(
        self,
        value: HeaderValue = None,
        *,
        caller: Caller = "anonymous",
        stream: bool = False,
        replica: int = 0,
    ) -> Sent:
        """As `send`."""
        ready = self._running
        lines = tuple((plan.HEADER.encode(), line) for line in header_lines(value))
        number = next(self._addresses)
        sent = plan_caller(signed_in=SignedIn(ready.user_id, ready.email, ready.token)).probe(
            lines,
            PLAIN._replace(auth=Auth(caller), stream=stream),
            address=f"2001:db8:{number >> 16:x}::{number & 0xFFFF:x}",
            kind="a user's own",
        )
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            since = await Rows(connection).now()
        (reply,) = await send_over_wire(self.urls[replica], [sent.request])
        return Sent(reply, sent, since)

    def rows(self, sent: Sent, *, wait_s: float = WAIT_ROWS_S) -> tuple[Row, ...]:
        """The rows that a request left: a usage row with its metadata row each.

        Waits until they are there, at most `wait_s`: accounting comes after the reply. Empty where there are none.
        """
        return blocking(self.arows(sent, wait_s=wait_s))

    async def arows(self, sent: Sent, *, wait_s: float = WAIT_ROWS_S) -> tuple[Row, ...]:
        """As `rows`."""
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            (found,) = await Rows(connection).arrived(
                [key_of(sent.probe, sent.reply)], sent.since, wait_s=wait_s
            )
        return found

    def __enter__(self) -> Self:
        """Starts it. Raises UsageError for what there is none of, UnavailableError when it does not start."""
        if self._process is not None:
            raise UsageError("this stage runs already; make another one with stage()")
        root = str(Path(__file__).resolve().parents[2])
        self._process = process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the user's program, which then leaves the context
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.encode(self.order) + b"\n")
            process.stdin.flush()
            message = _message(process.stdout)
            if isinstance(message, StageFailed):
                raise (UsageError if message.misuse else UnavailableError)(message.message)
        except BaseException:
            self.__exit__()
            raise
        self._ready = message
        return self

    def __exit__(self, *_exception: object) -> None:
        """Ends it, and all that it started."""
        process, self._process, self._ready = self._process, None, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            process.stdout.close()

    async def __aenter__(self) -> Self:
        """As `__enter__`."""
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_exception: object) -> None:
        """As `__exit__`."""
        await asyncio.to_thread(self.__exit__)

    @property
    def _running(self) -> StageReady:
        if self._ready is None:
            raise UsageError(
                "the stage does not run; use it inside its context: with stage() as running: ..."
            )
        return self._ready


def stage(
    *,
    schema: Schema = "ready",
    replicas: tuple[Version, Version] = ("after", "after"),
    before: str = "before",
    after: str = "after",
    policy: str = STRICT.name,
    postgres: str = "embedded",
) -> RunningStage:
    """A stage of the rollout, to be started by its context: a database in that state, two replicas, an upstream.

    `before` and `after` name the builds that run as these versions; `harness fuzz --list-builds` lists them, the
    faulty ones too. `postgres` is what `--postgres` takes. Nothing of it outlives the context or the interpreter.
    Raises UsageError for a state, version or policy that there is none of.
    """
    known = {"schema": (schema, get_args(Schema)), "policy": (policy, tuple(POLICIES))}
    known |= {f"replicas[{at}]": (version, get_args(Version)) for at, version in enumerate(replicas)}
    for name, (given, words) in known.items():
        if given not in words:
            raise UsageError(f"stage({name}={given!r}): there is none; give one of {', '.join(words)}")
    if len(replicas) != REPLICAS:
        raise UsageError(f"stage(replicas=...): {len(replicas)} given; a stage has {REPLICAS}")
    return RunningStage(StageRequest(schema, replicas, before, after, policy, postgres))


def blocking(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """What a coroutine returns, waited for; also in a thread whose event loop is running."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(asyncio.run, coroutine).result()


def header_lines(value: HeaderValue) -> Iterable[bytes]:
    """The bytes of each line, as they go over the wire."""
    if value is None:
        return ()
    each = (value,) if isinstance(value, str | bytes) else value
    return (line.encode() if isinstance(line, str) else line for line in each)


def _message(stdout: IO[bytes]) -> StageReady | StageFailed:
    ready = select.poll()
    ready.register(stdout, select.POLLIN)
    if not ready.poll(START_S_MAX * 1000):
        return StageFailed(f"the stage did not start in {START_S_MAX:.0f} s", misuse=False)
    line = stdout.readline()
    if not line:
        return StageFailed("the stage's process ended before it ran; standard error says why", misuse=False)
    message: StageReady | StageFailed = json.decode(line, type=StageReady | StageFailed)
    return message
