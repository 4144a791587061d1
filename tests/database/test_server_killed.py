"""Whatever is killed, and when: no process, no directory and no shared memory of an embedded server stays."""

import os
import signal
from pathlib import Path

import psycopg
import pytest

from harness.database.cluster import PREFIX
from harness.database.embedded import embedded_server
from tests.database.processes import Held, awaited_end, eventually, held, holder


def segment(server: Held) -> str:
    """The id of the System V segment of a running server."""
    return (server.directory / "data" / "postmaster.pid").read_text().splitlines()[6].split()[1]


def segments() -> set[str]:
    return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}


def backends(server: Held) -> list[int]:
    with psycopg.connect(server.dsn) as connection:
        return [
            pid
            for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        ]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_stays_when_the_harness_is_killed(how: signal.Signals) -> None:
    with holder() as child:
        server = held(child)
        shared = segment(server)
        assert shared in segments()
        with psycopg.connect(server.dsn, autocommit=True) as client:  # its connection must not keep it alive
            client.execute("SELECT 1")
            with awaited_end(server.watchdog, server.postmaster, *backends(server)):
                child.send_signal(how)
    assert not server.directory.exists()
    assert shared not in segments()


def test_nothing_stays_of_a_killed_harness_whose_child_lives_on() -> None:
    with holder(FORKS="1") as child:
        server = held(child)
        assert server.heir is not None
        try:
            with awaited_end(server.watchdog, server.postmaster):
                child.kill()
        finally:
            os.kill(server.heir, signal.SIGKILL)
    assert not server.directory.exists()


def test_nothing_stays_of_a_harness_killed_before_the_server(tmp_path: Path) -> None:
    with holder(XDG_CACHE_HOME=str(tmp_path)) as child:  # no seed: initdb takes its time
        directory, watchdog = eventually(lambda: _directory_of_a_child(child.pid))
        with awaited_end(watchdog):
            child.kill()
    assert not directory.exists()


def _directory_of_a_child(pid: int) -> tuple[Path, int] | None:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        for descriptor in Path(f"/proc/{child}/fd").iterdir():
            try:
                target = descriptor.readlink()
            except FileNotFoundError:  # closed since it was listed
                continue
            if target.name.startswith(PREFIX) and (target / "data").is_dir():
                return target, int(child)
    return None


def test_nothing_stays_when_the_postmaster_is_killed() -> None:
    with holder() as child:
        server = held(child)
        shared = segment(server)
        with awaited_end(server.watchdog, *backends(server)):
            os.kill(server.postmaster, signal.SIGKILL)
        assert not server.directory.exists()
        assert shared not in segments()


def test_server_ends_with_its_watchdog_and_the_next_start_sweeps() -> None:
    with holder() as child:
        server = held(child)
        with awaited_end(server.postmaster, *backends(server)):
            os.kill(server.watchdog, signal.SIGKILL)
        with embedded_server() as another:
            assert not server.directory.exists()
            assert another.directory.exists()


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)])
def test_server_survives_what_a_terminal_sends(signals: tuple[signal.Signals, ...]) -> None:
    with embedded_server() as server:
        assert os.getsid(server.watchdog) == server.watchdog
        for each in signals:
            os.kill(server.watchdog, each)
        psycopg.connect(server.dsn("postgres")).close()
