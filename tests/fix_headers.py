"""Node, twice: as the oracle of the rule, and as an HTTP server that says what it makes of raw bytes."""

import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import settings

from harness.rollout.tables import Operation
from harness.rule.node import node_path
from harness.rule.oracle import NodeOracle, node_oracle
from harness.rule.policy import Policy

SECONDS_MAX = 60.0


def examples(count: int) -> settings:
    """So many examples, the same in every run, however slow the machine is."""
    return settings(max_examples=count, derandomize=True, database=None, deadline=None)


def changed(
    policy: Policy, characters: str = "", length_max: int | None = None, trims: bool = True
) -> Policy:
    """A policy of one class and one bound with another class in its brackets, another bound, its trim lost."""
    before = policy.alphabet if policy.alphabet is not None else r"\s\S"
    most = policy.length_max if length_max is None else length_max
    trim = policy.rule[1:] if trims else ()
    return replace(policy, rule=(Operation(match=f"[{characters or before}]{{1,{most}}}"), *trim))


ANY = r"\s\S"
"""The class of every character."""


@pytest.fixture(scope="session")
def oracle() -> Iterator[NodeOracle]:
    with node_oracle() as running:
        yield running


@dataclass(frozen=True, slots=True)
class NodeHttp:
    """Node's HTTP server on a pair of streams in memory: no port, no socket."""

    child: "subprocess.Popen[bytes]"

    def served(self, name: str, lines: tuple[tuple[bytes, bytes], ...]) -> tuple[int, str | bool | None]:
        """Status of the reply, and what `Headers.get` gave the app; False when the app was not called."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        fields = b"".join(key + b": " + value + b"\r\n" for key, value in lines)
        request = (
            b"POST / HTTP/1.1\r\nHost: a\r\n" + fields + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
        )
        watchdog = threading.Timer(SECONDS_MAX, self.child.kill)
        watchdog.start()
        try:
            message = {"name": name, "request": request.decode("latin-1")}
            self.child.stdin.write(json.dumps(message).encode() + b"\n")
            self.child.stdin.flush()
            reply = json.loads(self.child.stdout.readline())
        finally:
            watchdog.cancel()
        return reply["status"], reply["value"]


@pytest.fixture(scope="session")
def node_http() -> Iterator[NodeHttp]:
    script = Path(__file__).parent / "rule" / "node_http.js"
    command = [node_path(), script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        yield NodeHttp(child)
        assert child.stdin is not None
        child.stdin.close()
        child.wait(SECONDS_MAX)
