"""A person's habits: completion by the shell, and colours only where they are wanted."""

import os
import subprocess
import sys

import pytest

from harness.cli import COMMANDS
from tests.command import harness_command

PROGRAM = "from harness.cli import app; app(prog_name='harness')"


def completed(words: str, **variables: str) -> list[str]:
    """What the shell is answered for the last of these words, one candidate a line."""
    environment = {**os.environ, "COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), **variables}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        ("harness do", "plain,doctor"),
        ("harness prove --le", "plain,--level"),
        ("harness prove --level sm", "plain,smoke"),
        ("harness ke", "plain,keys"),
        ("harness keys ", "plain,new"),
        ("harness rollout s", "plain,show"),
        ("harness rollout new --he", "plain,--header plain,--help"),
        ("harness report ", "plain,diff plain,merge file,"),
        ("harness report diff --ht", "plain,--html"),
    ],
)
def test_bash_is_told_commands_options_and_choices(words: str, candidates: str) -> None:
    assert completed(words, _HARNESS_COMPLETE="bash_complete") == candidates.split(" ")


@pytest.mark.parametrize("first", ["keys", "rollout"])
def test_a_first_word_alone_shows_what_may_follow(first: str) -> None:
    done = harness_command(first, "--help")
    assert done.returncode == 0
    assert f"  {first} new" in done.stdout
    assert COMMANDS[f"{first} new"][1] in done.stdout
    missed = harness_command(first, "nwe")
    assert missed.returncode == 2
    assert missed.stderr.startswith("harness: No such command 'nwe'")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_of_their_own(shell: str) -> None:
    assert f"_HARNESS_COMPLETE={shell}_complete" in "\n".join(
        completed("", _HARNESS_COMPLETE=f"{shell}_source")
    )


def test_a_pipe_gets_no_escape_codes() -> None:
    done = harness_command("doctor")
    assert done.stdout
    assert "\x1b" not in done.stdout


def coloured(**variables: str) -> bool:
    """Whether doctor's output, in a pipe, has codes of colour; bold type is none."""
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    return "\x1b[32m" in harness_command("doctor", env={**kept, **variables}).stdout


def test_force_color_colours_and_no_color_wins() -> None:
    assert coloured(FORCE_COLOR="1")
    assert not coloured(FORCE_COLOR="1", NO_COLOR="1")
    assert not coloured()
