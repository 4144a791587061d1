"""A failure of exploration is a file that `harness replay` runs again: STILL FAILS, and FIXED with the build mended."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import app
from harness.clients.extension import ExtensionBuild
from harness.database.schema_state import SchemaState
from harness.database.server import Server
from harness.errors import UsageError
from harness.run.explore import holds_program, replay_program, write_program
from harness.stages.cases import Discrepancy
from harness.stages.machine import Failure
from harness.stages.mishaps import Errand, Mishap
from harness.stages.model import Stage, StandUp, Version
from harness.stages.program import Action, Kind, Program
from harness.stages.stage import Cast

READY = StandUp(Stage(SchemaState.READY, (Version.AFTER, Version.AFTER), extension_released=True), None)
PROGRAM = Program(
    READY, (Action(Kind.SEND, errands=(Errand(Mishap.NO_ID, ExtensionBuild.AFTER, stream=True),)),)
)
FAILURE = Failure(PROGRAM, (Discrepancy("a request", "stored None"),))


@pytest.mark.parametrize(
    ("build", "code", "told"), [("insert-unchanged", 1, "STILL FAILS"), ("after", 0, "FIXED")]
)
def test_replay_of_a_program_says_whether_it_still_fails(
    server: Server, tmp_path: Path, build: str, code: int, told: str
) -> None:
    file = write_program(FAILURE, Cast(after=build), "strict", tmp_path)
    assert holds_program(file)
    result = CliRunner().invoke(
        app, ["replay", str(file), "--postgres", server.dsn("postgres")], standalone_mode=False
    )
    assert result.exception is None
    assert result.return_value == code
    assert told in result.output
    assert "0. start: schema ready" in result.output


def test_file_that_is_no_program_is_left_to_others(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"schema": "harness.replay/1"}))
    assert not holds_program(other)
    assert not holds_program(tmp_path / "none.json")


@pytest.mark.parametrize("changed", [{"after": "no-such-build"}, {"policy": "no-such-policy"}])
def test_program_is_misuse_when_it_names_what_is_not_there(tmp_path: Path, changed: dict[str, str]) -> None:
    file = write_program(FAILURE, Cast(), "strict", tmp_path)
    file.write_text(json.dumps(json.loads(file.read_text()) | changed))
    with pytest.raises(UsageError, match=r"no-such-"):
        replay_program(file, "embedded")
