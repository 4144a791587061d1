"""A mistake or a refusing environment is one line and an exit code; whatever ends a run leaves nothing behind."""

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from harness.database.server import Server
from tests.command import HARNESS, harness_command, started
from tests.database.processes import awaited_end, eventually


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("prove", "--level", "bogus"), 2, "'bogus' is not one of"),
        (("prove", "--seed", "-1"), 2, "--seed"),
        (("prove", "--postgres", "mysql://x"), 2, "no such Postgres"),
        (("prove", "--postgres", "postgresql://me:geheim@127.0.0.1:1/x"), 3, "Connection refused"),
        (("prove", "--json", "/nonexistent/report.json"), 2, "/nonexistent/report.json"),
        (
            ("migrate", "--database-url", "postgresql://me:geheim@127.0.0.1:1/x", "--to", "ready"),
            3,
            "cannot connect",
        ),
        (("migrate", "--to", "ready"), 2, "--database-url"),
        (("fly",), 2, "No such command 'fly'"),
    ],
)
def test_bad_input_is_told_in_one_line_with_its_exit_code(
    arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = harness_command(*arguments)
    assert done.returncode == code
    assert told in done.stderr
    assert done.stderr.startswith("harness: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert "geheim" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("prove", "--label", "caf\udce9"),
            "'--label': it is no UTF-8: byte 0xe9 is its character 4; give it in UTF-8",
        ),
        (("report", "\udcff"), "'FILE': it is no UTF-8: byte 0xff"),
        (("gate", "--auth-token", "geheim\udcff"), "'HARNESS_AUTH_TOKEN'): it is no UTF-8: byte 0xff"),
        (("prove", "--\udcff"), "No such option"),
        (("\udcff",), "No such command"),
    ],
)
def test_bytes_beyond_utf8_are_told_in_one_line(arguments: tuple[str, ...], told: str) -> None:
    done = harness_command(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert told in done.stderr
    assert "geheim" not in done.stderr


def test_migrate_brings_an_empty_database_to_ready_and_back(server: Server) -> None:
    with server.database() as dsn:
        refused = harness_command("migrate", "--database-url", dsn, "--to", "ready")
        assert (refused.returncode, refused.stdout) == (3, "")
        assert "the database is empty" in refused.stderr
        forward = harness_command("migrate", "--database-url", dsn, "--to", "ready", "--with-baseline")
        assert (forward.returncode, forward.stderr) == (0, "")
        assert "state   ready" in forward.stdout
        assert harness_command("migrate", "--database-url", dsn, "--to", "base").returncode == 2
        back = harness_command("migrate", "--database-url", dsn, "--to", "base", "--rollback")
        assert (back.returncode, back.stderr) == (0, "")
        assert "state   base" in back.stdout


def descendants(pid: int) -> set[int]:
    """All processes below one, by the parents that /proc names."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def listening(pids: set[int]) -> set[int]:
    """Loopback ports that these processes listen on."""
    inodes = set().union(*map(sockets, pids))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == "0A" and line[9] in inodes}


IN_THE_BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
"""Starts a command as a script's `&` does: it ignores SIGINT."""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see a process's children")
@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize(
    ("number", "prefix"),
    [
        pytest.param(signal.SIGINT, (), id="SIGINT"),
        pytest.param(signal.SIGKILL, (), id="SIGKILL"),
        pytest.param(signal.SIGTERM, (), id="SIGTERM"),
        pytest.param(signal.SIGTERM, IN_THE_BACKGROUND, id="SIGTERM in the background"),
    ],
)
def test_ending_prove_in_mid_run_leaves_nothing(
    number: signal.Signals, prefix: tuple[str, ...], tmp_path: Path
) -> None:
    words = [*prefix, *HARNESS, "prove", "--level", "smoke", "--json", str(tmp_path / "r.json")]
    with started(*words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        assert run.stderr is not None
        while "header rule over the wire" not in run.stderr.readline():
            assert run.poll() is None
        begun = descendants(run.pid)
        ports = listening(begun)
        directories = {home for pid in begun if (home := data_directory(pid))}
        assert len(begun) >= 6
        assert len(ports) >= 1
        assert directories
        with awaited_end(*begun & descendants(run.pid)):
            run.send_signal(number)
        said = run.stderr.read()
    if number is not signal.SIGKILL:
        assert run.returncode == 130
        assert said.splitlines()[-1].startswith("harness: interrupted")
        assert "Traceback" not in said
    eventually(lambda: True if not any(directory.exists() for directory in directories) else None)
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def data_directory(pid: int) -> Path | None:
    """Where a process of Postgres works; None for other programs and for one that has just ended."""
    with contextlib.suppress(FileNotFoundError):
        if Path(f"/proc/{pid}/comm").read_text().strip() == "postgres":
            return Path(f"/proc/{pid}/cwd").readlink()
    return None


def sockets(pid: int) -> set[str]:
    """Inodes of a process's sockets; none when it has just ended."""
    names: set[str] = set()
    with contextlib.suppress(FileNotFoundError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            names.add(os.readlink(link))  # noqa: PTH115 - what it names is no path
    return {name[8:-1] for name in names if name.startswith("socket:[")}
