"""A person's habits: completion by the shell, and colours only where they are wanted."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import COMMANDS
from harness.cli.serve_view import PlainView
from harness.clients.request_spec import plan_spec
from harness.probing.probe_factory import SignedIn
from harness.report.document import to_json
from harness.run.live.address import Address
from harness.run.live.request_log import Counts
from tests.command import harness_command
from tests.report.sample import whole_report

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


def test_force_color_colours_and_no_color_wins(tmp_path: Path) -> None:
    stored = tmp_path / "report.json"
    stored.write_text(to_json(whole_report()))
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}

    def shown(**variables: str) -> str:
        return harness_command("report", str(stored), env={**kept, **variables}).stdout

    assert "\x1b[32m" in shown(FORCE_COLOR="1")
    assert "\x1b[32m" not in shown(FORCE_COLOR="1", NO_COLOR="1")  # bold type is no colour
    assert "NO-GO" in shown()
    assert "\x1b" not in shown()


def test_a_hunt_leaves_nothing_in_the_working_directory(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    homes = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_STATE_HOME": str(tmp_path / "state")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HYPOTHESIS")}
    command = [sys.executable, "-m", "harness", "fuzz", "--function", "--examples", "12"]
    subprocess.run(
        command, cwd=here, env={**kept, **homes}, stdout=subprocess.DEVNULL, timeout=120, check=True
    )
    assert list(here.iterdir()) == []
    assert (tmp_path / "cache/rollout-harness/hypothesis").is_dir()


def test_the_dsn_of_serve_can_be_copied_into_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    dsn = "postgresql://postgres@/x?host=/tmp/a folder&port=5432"
    user = SignedIn("user-1", "me@example.com", "a token")
    with PlainView() as view:
        address = Address("the reference", "http://127.0.0.1:3000", dsn, user, plan_spec(), "a")
        view.ready(address, Counts())
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "DSN" in line)
    assert shlex.split(line) == ["DSN", dsn]


def test_accept_of_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = harness_command("accept", str(tmp_path / "none.json"), "--unsigned")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        f"harness: cannot read {tmp_path}/none.json: No such file or directory; name a file"
    )
