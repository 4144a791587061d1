"""A real redis of a test's own: `redis_url` is where it answers, on loopback, its data in memory."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database.processes import eventually

STOP_S_MAX = 20.0


def pytest_runtest_setup(item: pytest.Item) -> None:
    if "redis_url" in getattr(item, "fixturenames", ()) and not shutil.which("redis-server"):
        refuse = pytest.fail if os.environ.get("HARNESS_REQUIRE_REDIS") == "1" else pytest.skip
        refuse("no redis-server: none is on PATH; apt-get install redis-server")


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """Starts the server and ends it with the test. A port that another process takes meanwhile is tried again."""
    for _ in range(5):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = {"port": port, "bind": "127.0.0.1", "dir": tmp_path, "save": "", "appendonly": "no"}
        command = [
            "redis-server",
            *(word for name, value in options.items() for word in (f"--{name}", str(value))),
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                if eventually(lambda: _answers(port, process)) == "PONG":  # noqa: B023 - called here alone
                    yield f"redis://127.0.0.1:{port}"
                    return
            finally:
                process.terminate()
                process.wait(STOP_S_MAX)
    pytest.fail("redis-server found no free port in five tries")


def _answers(port: int, process: subprocess.Popen[bytes]) -> str | None:
    """`PONG`, `ended`, or None while it starts."""
    if process.poll() is not None:
        return "ended"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as talk:
            talk.sendall(b"PING\r\n")
            return "PONG" if talk.recv(16).startswith(b"+PONG") else None
    except OSError:
        return None
