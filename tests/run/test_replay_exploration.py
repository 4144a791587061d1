"""A failure of the exploration is one line to copy: STILL FAILS, and FIXED with the build mended."""

import asyncio
from dataclasses import replace

import pytest
from click.testing import CliRunner

from harness import plan
from harness.checks.exploration import EXPLORED, Explored, failing_program
from harness.checks.registry import run_checks
from harness.cli import app
from harness.data import fixture_path
from harness.database.server import Server
from harness.database.templates import Templates
from harness.errors import UsageError
from harness.rollout import load_rollout
from harness.run.orders import replay_line
from harness.stages.environment import BuildPair, stack
from harness.stages.exploration_stats import ExplorationStats
from harness.stages.machine import Budget, explore
from harness.verdict import Results, Status


def replay(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, words, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


def explored_with(templates: Templates, build: str) -> tuple[ExplorationStats, str]:
    """What an exploration found of a build, and the line that repeats it."""

    async def explored() -> tuple[ExplorationStats, str]:
        stats = ExplorationStats()
        async with stack(templates, "strict", BuildPair(after=build)) as shared:
            await asyncio.to_thread(explore, shared, Budget(6, 8), 7, stats)
            return stats, replay_line(stats, shared)

    return asyncio.run(explored())


def test_line_of_a_failure_repeats_it(
    server: Server, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.stages.exploration_stats.SHRINK_S_MAX", 0.3)
    stats, line = explored_with(templates, "insert-unchanged")
    assert stats.smallest is not None
    results = Results((replace(plan.EXPLORATION_CLAIM, least=1),))
    run_checks(results, [Explored(stats, line)])
    (judgement,) = results.judgements()
    assert (judgement.claim.id, judgement.status) == (EXPLORED, Status.REFUTED)
    assert "0. start: schema" in judgement.findings[0].condition
    assert (failing_program(stats) or {})["reproduction"] == stats.smallest.reproduction
    program = "".join(f"    {action}\n" for action in stats.smallest.program)

    harness, *words = line.split()
    assert (harness, words[0], words[3:]) == ("harness", "replay", ["--build", "insert-unchanged"])
    postgres = ("--postgres", server.dsn("postgres"))
    code, output = replay(*words, *postgres)
    assert code == 1
    assert "STILL FAILS; builds before and insert-unchanged\n" in output
    assert program in output
    code, output = replay(*words[:3], *postgres)
    assert code == 0
    assert "FIXED: every row" in output
    assert program in output


@pytest.mark.catalogue(in_default=False)  # more than a minute of waiting for rows that are lost
def test_line_of_another_rollout_names_its_folder(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.stages.exploration_stats.SHRINK_S_MAX", 0.3)
    folder = fixture_path("rollouts/machine-id")
    with Templates(server, rollout=load_rollout(folder)) as templates:
        _, *words = explored_with(templates, "before")[1].split()
    postgres = ("--postgres", server.dsn("postgres"))
    code, output = replay(*words, "--rollout", str(folder), *postgres)
    assert code == 1
    assert "STILL FAILS; builds before and before\n" in output


@pytest.mark.parametrize("more", [("find.json",), ("--line", "a: b")])
def test_exploration_beside_a_file_or_a_line_is_misuse(more: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="more than one was given"):
        replay("replay", "--exploration", "0", *more)


def test_unknown_build_is_misuse_before_anything_starts() -> None:
    with pytest.raises(UsageError, match="no-such-build"):
        replay("replay", "--exploration", "0", "--build", "no-such-build")
