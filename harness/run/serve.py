"""What `harness serve` does: the reference stack for a person, until Ctrl-C ends it.

Proxy, upstream stub, page and the look for rows share one process and one event loop: requests come at the pace of
people. What is shown, and where, is up to the caller.
"""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import psycopg

from harness.backend.app import Proxy
from harness.backend.builds import Build
from harness.backend.defects import DEFECTS
from harness.backend.http import behind_refusals
from harness.backend.rollout_builds import rollout_build
from harness.backend.serve import HOST, check_port, loop_factory
from harness.backend.server import BACKLOG, SESSIONS_MAX
from harness.backend.sessions import Sessions
from harness.backend.upstream import Upstream
from harness.backend.upstream_client import UpstreamClient
from harness.clients.request_spec import RequestSpec
from harness.data import sql_text
from harness.database.declared import declared_store
from harness.database.relations import Relations
from harness.database.scripts import Script
from harness.database.server import Server, running_server
from harness.database.templates import Templates
from harness.errors import UnavailableError, UsageError
from harness.report.escape import masked
from harness.rollout import Rollout, is_plans, load_rollout
from harness.rule.policy import STRICT, Policy, header_policy
from harness.run.live.address import Address, example_value
from harness.run.live.listening import Shutdown, running, silenced
from harness.run.live.open_request import RecordingAccounts
from harness.run.live.page import Router, live_page
from harness.run.live.recording import RecordingMiddleware, protocol
from harness.run.live.request_log import Counts, LoggedRequest, RequestLog
from harness.run.live.row_poller import RowPoller
from harness.run.options.serve import ServeOptions
from harness.stages.environment import signed_in
from harness.sut.rows import Rows

DRAIN_S_MAX: Final = 10.0
"""Longest wait for open requests at the end, seconds; those that hang on purpose are cut off at once."""
PAGE_GRACE_S: Final = 2.0
"""How long pages have to read the end, once there is one."""
STUB_GRACE_S: Final = 0.2
"""How long the upstream has, once nobody can ask it any more."""
FAILURES: Final[dict[str, dict[str, Any]]] = {
    "402": {"status": 402},
    "500": {"status": 500},
    "hang": {"hang": True},
    "malformed": {"malformed": True},
}
"""What the upstream stub is asked to do, by the name of a failure."""


def stub_behaviour(options: ServeOptions) -> dict[str, Any]:
    """What the upstream stub does."""
    failure = FAILURES[options.upstream_error] if options.upstream_error else {}
    return {"slow_ms": options.slow_ms} | failure


def served_by(build: str) -> str:
    """The version that a build stands for: `before` or `after`."""
    versions = {defect.build.name: defect.version for defect in DEFECTS} | {"before": "before"}
    return versions.get(build, "after")


def check_served(rollout: Rollout, options: ServeOptions) -> None:
    """Raises UsageError for a rollout that the reference proxy cannot serve, and for an unknown build."""
    if rollout.tables.reference.insert is None:
        raise UsageError(
            f"{rollout.folders[0]}: no reference.insert, so there is no reference to serve; point your client at a "
            "backend of your own, which harness gate and harness fuzz judge"
        )
    if options.policy != STRICT.name and not is_plans(rollout):
        raise UsageError("--policy is another name of a rollout's folder; give --rollout alone")
    rollout_build(rollout, options.build)


def describe(options: ServeOptions, policy: Policy) -> str:
    """Build, rule, and what fails on purpose."""
    parts = [f"build {options.build}", f"policy {policy.name}"]
    parts += [f"upstream error {options.upstream_error}"] if options.upstream_error else []
    parts += [f"upstream slow by {options.slow_ms:,} ms"] if options.slow_ms else []
    return ", ".join(parts)


class View(Protocol):
    """Shows what happens."""

    def ready(self, address: Address, counts: Counts, /) -> None:
        """The stack answers; the counts change from now on."""

    def changed(self, entry: LoggedRequest) -> None:
        """An entry is new, or has changed."""

    def ending(self) -> None:
        """The end has begun: open requests are waited for."""

    def owed(self, left: int) -> None:
        """So many requests are still to be accounted for, ten seconds after this was said last."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a whole run saw."""

    counts: Counts
    rows: int
    """Usage rows that the database holds more than at the start."""

    @property
    def faultless(self) -> bool:
        """Whether nothing was seen that would fail the gate."""
        return not self.counts.faulty and self.rows == self.counts.rows


def serve(options: ServeOptions, view: View) -> Summary:
    """Serves until SIGINT or SIGTERM, then drains; a second one cuts open requests off. Leaves nothing behind.

    Raises UsageError for an unknown build and for a rollout that it cannot serve, UnavailableError when the port is
    taken, when the stack cannot be stood up, and when its database goes away.
    """
    rollout = load_rollout(options.rollout)
    check_served(rollout, options)
    steps = [step.up for step in rollout.tables.step if step.up is not None]
    with (
        _listening(options.port) as listener,
        running_server(options.postgres) as server,
        Templates(server, rollout=rollout) as templates,
        templates.after([Script(file, rollout.text(file)) for file in steps]) as dsn,
        silenced(),
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        return runner.run(_serve(options, listener, server, dsn, view))


async def _serve(
    options: ServeOptions, listener: socket.socket, server: Server, dsn: str, view: View
) -> Summary:
    with Shutdown() as shutdown:
        return await serve_until(shutdown, options, listener, server, dsn, view)


async def serve_until(
    shutdown: Shutdown, options: ServeOptions, listener: socket.socket, server: Server, dsn: str, view: View
) -> Summary:
    """Serves on a socket and a database that are ready, until the end is requested, then drains. Raises as `serve`."""
    secret = secrets.token_hex(32)
    spec = RequestSpec(load_rollout(options.rollout))
    build, policy = rollout_build(spec.rollout, options.build), header_policy(spec.rollout, options.policy)
    address = Address(
        f"{describe(options, policy)}, Postgres {server.version} ({server.kind})",
        f"http://{HOST}:{listener.getsockname()[1]}",
        masked(dsn) if server.kind == "dsn" else dsn,
        await signed_in(dsn, secret),
        spec,
        example_value(spec, policy),
    )
    log = RequestLog(view.changed)
    async with AsyncExitStack() as open_:
        connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
        await open_.enter_async_context(connection)
        if build.prelude is not None:
            await connection.execute(sql_text(build.prelude).encode())
        rows = Rows(connection, declared_store(spec.rollout))
        before = await _usage_rows(connection, spec.rollout)
        poller = RowPoller(log, policy, options.wait_s, await rows.now())
        recorder = RecordingMiddleware(log, poller, spec, policy, served_by(options.build))
        accounts = await open_.enter_async_context(_backend(options, build, policy, dsn, secret, recorder))
        looking = asyncio.create_task(poller.run(rows))
        try:
            router = Router(live_page(log, address.page_facts()), recorder)
            http = protocol(recorder, behind_refusals(build.error_page))
            async with running(router, http, listener, grace_s=PAGE_GRACE_S) as served:
                with closing(log):
                    view.ready(address, log.counts)
                    await shutdown.requested(looking)
                    view.ending()
                    served.should_exit = True
                    await _drain(recorder, shutdown, 0.0 if options.upstream_error == "hang" else DRAIN_S_MAX)
                    poller.stop()
                    await looking
                    await _finish_accounting(accounts, poller, rows, view)
            await _finish_accounting(
                accounts, poller, rows, view
            )  # of requests that came before the port was closed
            return Summary(log.counts, await _usage_rows(connection, spec.rollout) - before)
        except psycopg.Error as error:
            cause = str(error).partition("\n")[0]
            raise UnavailableError(
                f"the database of the reference stack has gone: {cause}; start it again"
            ) from error
        finally:
            looking.cancel()


@asynccontextmanager
async def _backend(
    options: ServeOptions, build: Build, policy: Policy, dsn: str, secret: str, recorder: RecordingMiddleware
) -> AsyncIterator[RecordingAccounts]:
    """The reference proxy behind its recorder, and the upstream behind the proxy."""
    listener = socket.create_server((HOST, 0), backlog=BACKLOG)
    origin = f"http://{HOST}:{listener.getsockname()[1]}"
    async with (
        running(Upstream(stub_behaviour(options)), "httptools", listener, grace_s=STUB_GRACE_S),
        Sessions(dsn, SESSIONS_MAX) as sessions,
        UpstreamClient(origin) as client,
    ):
        accounts = RecordingAccounts(sessions, build, recorder.on_event)
        recorder.app = Proxy(build, policy, client, secret, accounts, recorder.on_event)
        yield accounts


async def _drain(recorder: RecordingMiddleware, shutdown: Shutdown, seconds: float) -> None:
    """Waits for the open requests; after so long, or when the user asks again, they are cut off."""
    idle = asyncio.create_task(recorder.idle())
    if not await shutdown.done(idle, seconds):
        recorder.cut()
    await idle


async def _finish_accounting(accounts: RecordingAccounts, poller: RowPoller, rows: Rows, view: View) -> None:
    """Waits for the accounting, then looks for all rows a last time."""
    await accounts.drain(view.owed)
    await poller.finish(rows)


async def _usage_rows(connection: psycopg.AsyncConnection[Any], rollout: Rollout) -> int:
    totals = await (await connection.execute(Relations(rollout).filled("totals"))).fetchone()
    assert totals is not None
    return int(totals[0])


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """The port, taken at once: connections wait in its backlog. Raises UnavailableError when it is taken."""
    check_port(port)
    with socket.create_server((HOST, port), backlog=BACKLOG) as listener:
        yield listener
