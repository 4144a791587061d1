"""An analytics server as a stand-in over real HTTP: takes the events that a client sends with the official package.

It keeps what linking needs: under which id an event arrived, and which ids were aliased to be one person; of ids it
takes what the service takes (`persons`).
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from harness.clients.id_client import IdClient
from harness.clients.json_server import HOST, json_server
from harness.clients.persons import is_persons, kept
from harness.errors import UnavailableError
from harness.rollout.client_tables import Consumer

SECONDS_MAX: Final = 30.0
"""Longest that the program with the official package may take for all its calls."""


@dataclass(frozen=True, slots=True)
class AnalyticsEvent:
    """One event as it arrived."""

    name: str
    subject_id: str
    alias: str | None
    """The other id of the same person, in an alias event."""

    def joins(self, consumer: Consumer) -> bool:
        """Whether two ids become one person's: none of nobody's is joined with another."""
        return self.alias is not None and all(
            is_persons(name, consumer) for name in (self.alias, self.subject_id)
        )


@dataclass(slots=True)
class Analytics:
    """What has arrived so far. Made by `analytics`."""

    origin: str
    """URL without a path."""
    consumer: Consumer
    """The service that it stands in for."""
    events: list[AnalyticsEvent] = field(default_factory=list)

    def person(self, subject_id: str) -> frozenset[str]:
        """Every id of the person who has this one: itself, and what aliases join to it."""
        known = {subject_id}
        while True:
            joined = {
                identity
                for event in self.events
                if event.joins(self.consumer) and known & {event.alias, event.subject_id}
                for identity in (event.alias, event.subject_id)
                if identity is not None
            }
            if joined <= known:
                return frozenset(known)
            known |= joined

    def events_of(self, subject_id: str) -> list[AnalyticsEvent]:
        """Events, aliases aside, that belong to the person who has this id; none where the id is nobody's."""
        if not is_persons(subject_id, self.consumer):
            return []
        person = self.person(subject_id)
        return [event for event in self.events if event.alias is None and event.subject_id in person]

    def take(self, document: Any) -> None:
        """Takes one batch. Raises ValueError for what is none."""
        try:
            arrived = [self._event(event) for event in document["batch"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not a batch of events") from error
        self.events += arrived

    def _event(self, document: dict[str, Any]) -> AnalyticsEvent:
        wire = self.consumer.events
        assert wire is not None, "asked of a service whose events are described"
        aliased = document["properties"].get("alias") if document["event"] == wire.alias else None
        alias = None if aliased is None else kept(str(aliased), self.consumer)
        return AnalyticsEvent(str(document["event"]), kept(str(document[wire.subject]), self.consumer), alias)


@asynccontextmanager
async def analytics(client: IdClient) -> AsyncIterator[Analytics]:
    """A running stand-in on a free loopback port. Raises UnavailableError when it cannot listen."""
    running = Analytics("", client.consumer)
    async with AsyncExitStack() as open_:
        try:
            port = await open_.enter_async_context(json_server(client.events.path, running.take))
        except OSError as error:
            raise UnavailableError(
                f"the analytics stand-in cannot listen on {HOST}: {error.strerror}"
            ) from None
        running.origin = f"http://{HOST}:{port}"
        yield running


class SentEvents(NamedTuple):
    """Calls that are being made of the official package, and the stand-in at which their events arrive."""

    server: Analytics
    sending: asyncio.Task[None]
    """Raises what `send` raises."""


@asynccontextmanager
async def sent_events(client: IdClient, calls: Sequence[dict[str, Any]]) -> AsyncIterator[SentEvents]:
    """Makes the calls while the context runs. Raises UnavailableError when the stand-in cannot listen."""
    async with analytics(client) as server:
        sending = asyncio.create_task(send(client, server.origin, calls))
        try:
            yield SentEvents(server, sending)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


def capture(event: str, subject_id: str) -> dict[str, Any]:
    """A call for `send`: an event under an id."""
    return {"call": "capture", "event": event, "subject_id": subject_id}


def alias(previous_id: str, subject_id: str) -> dict[str, Any]:
    """A call for `send`: both ids are one person."""
    return {"call": "alias", "previous_id": previous_id, "subject_id": subject_id}


async def send(
    client: IdClient, origin: str, calls: Sequence[dict[str, Any]], seconds_max: float = SECONDS_MAX
) -> None:
    """Makes the calls with the official package, in a process of its own that knows no proxy.

    Raises UnavailableError when the package is missing, a call fails, or `seconds_max` has passed.
    """
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        str(client.rollout.path(client.events.program)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    asked = json.dumps({"origin": origin, "calls": list(calls)}).encode("ascii")
    try:
        async with asyncio.timeout(seconds_max):
            _, errors = await program.communicate(asked)
    except TimeoutError:
        raise UnavailableError(
            f"the analytics package was not done with its calls after {seconds_max:g} s"
        ) from None
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    if program.returncode != 0:
        cause = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise UnavailableError(f"the analytics package could not send its events: {cause}")


def _environment() -> dict[str, str]:
    """Ours without proxies: the stand-in is on loopback."""
    unwanted = ("http_proxy", "https_proxy", "all_proxy")
    return {name: value for name, value in os.environ.items() if name.lower() not in unwanted}
