"""The bad days of the independent backends are what they are called, and leave the rows they should."""

import http.client
import os
import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest

from harness.database.server import Server
from tests.backends.defects import KINDS, MODES, Kind
from tests.backends.traffic import Request, connection_to, rows_in_time, sent
from tests.fix_backends import Backend, independent, variants

Backends = dict[tuple[str | None, str | None], Backend]


@pytest.fixture(scope="module", params=KINDS)
def backends(request: pytest.FixtureRequest, server: Server) -> Iterator[Backends]:
    """One listener for each mode that does not end the process."""
    lasting = [mode for mode in MODES if not mode.startswith("die-after-")]
    with (
        server.database() as dsn,
        variants(request.param, dsn, modes=lasting, late_ms=(0, 0)) as started,
    ):
        yield started


@pytest.mark.parametrize("status", [429, 500])
def test_half_mode_refuses_some_requests_and_serves_the_others(backends: Backends, status: int) -> None:
    replies = sent(backends[None, f"{status}-half"], *[Request()] * 16)
    assert {reply.status for reply in replies} == {200, status}
    assert 4 <= sum(reply.status == status for reply in replies) <= 12
    refused = [reply for reply in replies if reply.status == status]
    assert all(("retry-after" in reply.headers) == (status == 429) for reply in refused)
    assert not any(reply.message_id for reply in refused)


def test_html_mode_answers_with_a_page_to_everything(backends: Backends) -> None:
    replies = sent(backends[None, "html"], Request(), Request(stream=True))
    assert [reply.status for reply in replies] == [200, 200]
    assert all(reply.headers["content-type"].startswith("text/html") for reply in replies)


def test_hang_mode_says_nothing_to_a_request(backends: Backends) -> None:
    backend = backends[None, "hang"]
    with connection_to(backend) as connection:
        connection.sendall(Request().bytes_for(backend))
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_close_random_mode_drops_some_requests_before_and_some_within_the_reply(backends: Backends) -> None:
    outcomes: list[str] = []
    for _ in range(24):
        try:
            sent(backends[None, "close-random"], Request())
            outcomes.append("served")
        except http.client.IncompleteRead:
            outcomes.append("cut")
        except ConnectionError:
            outcomes.append("dropped")
    assert {outcome: outcomes.count(outcome) >= 2 for outcome in ("served", "cut", "dropped")} == {
        "served": True,
        "cut": True,
        "dropped": True,
    }


def test_overwriting_mode_knows_every_anonymous_user_by_his_own_address(backends: Backends) -> None:
    backend = backends[None, "overwrites-forwarded-for"]
    replies = sent(backend, Request(), Request(forwarded="198.51.100.1"), Request(signed_in=True))
    found = rows_in_time(backend, replies)
    users = [found[reply.message_id][0][0] for reply in replies]
    assert users[:2] == ["anon:127.0.0.1", "anon:127.0.0.1"]
    assert not users[2].startswith("anon:")


@pytest.mark.parametrize("kind", KINDS)
def test_die_after_mode_ends_the_process_at_the_request_after(kind: Kind, empty_dsn: str) -> None:
    with independent(kind, empty_dsn, mode="die-after-2") as backend:
        assert [reply.status for reply in sent(backend, Request(), Request())] == [200, 200]
        with pytest.raises(ConnectionError):
            sent(backend, Request())
        with pytest.raises(ConnectionError):
            sent(backend, Request())


def test_node_ends_when_the_process_that_runs_it_is_killed(empty_dsn: str) -> None:
    with independent("node", empty_dsn) as backend, connection_to(backend) as connection:
        os.kill(backend.pid, signal.SIGKILL)
        with suppress(ConnectionError):
            assert connection.recv(1) == b""
        with pytest.raises(ConnectionError):
            sent(backend, Request())


def test_unknown_defect_is_refused_with_a_message(empty_dsn: str) -> None:
    with (
        pytest.raises(RuntimeError, match="invalid choice: 'tired'"),
        independent("node", empty_dsn, "tired"),
    ):
        pass
