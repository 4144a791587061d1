"""A running stage: requests and their rows, from a script, a thread, a loop; and nothing of it stays."""

import asyncio
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from harness import RunningStage, UnavailableError, UsageError, load_rollout, stage
from harness.data import fixture_path
from harness.database.server import Server
from harness.library.stage import blocking
from tests.database.processes import awaited_end

SCRIPT = """
import harness

with harness.stage() as running:
    sent = running.send("vscode-1")
    print(running.rows(sent)[0].value)
    print(running.dsn, flush=True)
    {then}
"""


@pytest.mark.parametrize(
    ("value", "stored"),
    [("vscode-1", "vscode-1"), (b"a" * 255, "a" * 255), ("a b", None), (["a", "b"], None), (None, None)],
)
def test_rows_hold_what_the_rule_stores(
    rollout_stage: RunningStage, value: str | bytes | list[str] | None, stored: str | None
) -> None:
    sent = rollout_stage.send(value)
    assert sent.reply.status == 200
    assert [row.value for row in rollout_stage.rows(sent)] == [stored]


def test_callers_streams_and_replicas(rollout_stage: RunningStage) -> None:
    sent = rollout_stage.send("x", caller="signed in", stream=True, replica=1)
    assert sent.reply.is_stream
    (row,) = rollout_stage.rows(sent)
    assert row.value == f"{row.user}@example.com"  # as the seeded users are called


async def test_it_is_asked_from_a_running_loop(rollout_stage: RunningStage) -> None:
    sent = await asyncio.gather(*(rollout_stage.asend(f"id-{number}") for number in range(5)))
    found = await asyncio.gather(*(rollout_stage.arows(each) for each in sent))
    assert [rows[0].value for rows in found] == [f"id-{number}" for number in range(5)]
    assert rollout_stage.rows(rollout_stage.send("also-so"))[0].value == "also-so"


def test_several_threads_ask_it(rollout_stage: RunningStage) -> None:
    def stored(number: int) -> str | None:
        return rollout_stage.rows(rollout_stage.send(f"t{number}"))[0].value

    with ThreadPoolExecutor(4) as executor:
        assert list(executor.map(stored, range(8))) == [f"t{number}" for number in range(8)]


async def test_a_stage_starts_inside_a_loop_at_any_stage(server: Server) -> None:
    async with stage(postgres=server.admin_dsn, schema="base", replicas=("before", "after")) as older:
        assert (await older.arows(await older.asend("vscode-1", replica=0)))[0].value is None
        sent = await older.asend("vscode-1", replica=1)  # ahead of its column
        assert sent.reply.status == 200
        assert await older.arows(sent, wait_s=0.2) == ()
    with pytest.raises(UsageError, match="does not run"):
        older.url  # noqa: B018 - asked for its refusal


def test_a_stage_has_as_many_replicas_as_its_rollout() -> None:
    rollout = load_rollout(fixture_path("rollouts/machine-id"))
    with pytest.raises(UsageError, match="3 given; a stage of machine-id has 2"):
        stage(rollout=rollout, replicas=("after", "after", "before"))


def test_what_there_is_none_of_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown build 'nonsense'"), stage(after="nonsense"):
        pass
    with pytest.raises(UnavailableError, match="cannot connect") as refusal:
        stage(postgres="postgresql://me:sesame@127.0.0.1:1/x").__enter__()
    assert "sesame" not in str(refusal.value)


@pytest.mark.parametrize(
    "wrong",
    [{"schema": "bas"}, {"replicas": ("before",)}, {"replicas": ("nope", "after")}, {"policy": "x"}],
    ids=str,
)
def test_an_argument_that_there_is_none_of_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        stage(**wrong)


def test_a_stage_runs_once_at_a_time(rollout_stage: RunningStage) -> None:
    with pytest.raises(UsageError, match="runs already"):
        rollout_stage.__enter__()


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(then=""))
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    value, dsn = ended.stdout.splitlines()
    assert value == "vscode-1"
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)


def test_a_killed_interpreter_leaves_nothing(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        SCRIPT.format(then="print(running._process.pid, flush=True); import time; time.sleep(60)")
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        _value, dsn, host = (process.stdout.readline().strip() for _ in range(3))
        with awaited_end(int(host)):
            process.send_signal(signal.SIGKILL)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)


def test_blocking_hands_on_what_is_raised() -> None:
    async def refuse() -> None:
        raise UsageError("no")

    with pytest.raises(UsageError, match="no"):
        blocking(refuse())
