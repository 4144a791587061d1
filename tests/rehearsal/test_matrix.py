"""Every runner with every layout, on a real server; the real drizzle migrator where npm can be reached."""

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from harness.database.schema_state import SchemaState
from harness.database.server import Server
from harness.errors import UnavailableError
from harness.rehearsal.drizzle import migrator
from harness.rehearsal.layouts import LAYOUTS
from harness.rehearsal.matrix import run_matrix
from harness.rehearsal.runner_results import Attempt, Cell, Matrix, RunOutcome, Way

DONE = ("applied", "refused 42701")
SETTLED = ("applied", "nothing to do")
REFUSED = ("refused 25001", "refused 25001")
SILENT = ("silent no-op", "silent no-op")
COLUMN_ONLY = ("half done 25001, column", "refused 42701")
INVALID = ("half done 55P03, invalid", "refused 42701")

EXPECTED = {  # statements and psql; file transaction; simple query; drizzle
    "as written": (DONE, REFUSED, REFUSED, REFUSED),
    "breakpoint": (DONE, REFUSED, REFUSED, REFUSED),
    "two files": (DONE, COLUMN_ONLY, DONE, REFUSED),
    "out of band": (DONE, DONE, DONE, SETTLED),
    "plain index": (DONE, DONE, DONE, SETTLED),
    "not journalled": (DONE, REFUSED, REFUSED, SILENT),
    "older when": (DONE, REFUSED, REFUSED, SILENT),
    "COMMIT trick": (DONE, DONE, COLUMN_ONLY, SETTLED),
    "COMMIT, fails": (INVALID, INVALID, COLUMN_ONLY, INVALID),
}


def words(matrix: Matrix, way: Way) -> dict[str, tuple[str, str]]:
    return {
        cell.layout.name: (str(cell.first), str(cell.second))
        for cell in matrix.cells
        if cell.way is way and cell.first is not None and cell.second is not None
    }


def column(number: int) -> dict[str, tuple[str, str]]:
    return {layout: outcomes[number] for layout, outcomes in EXPECTED.items()}


def test_runners_without_journal_do_as_expected_in_every_layout(server: Server) -> None:
    matrix = run_matrix(server, ways=(Way.STATEMENTS, Way.FILE_TRANSACTION, Way.SIMPLE_QUERY))
    assert words(matrix, Way.STATEMENTS) == column(0)
    assert words(matrix, Way.FILE_TRANSACTION) == column(1)
    assert words(matrix, Way.SIMPLE_QUERY) == column(2)


def test_psql_does_what_sending_each_statement_does(server: Server) -> None:
    matrix = run_matrix(server, ways=(Way.PSQL,))
    if matrix.cells[0].skipped:
        pytest.skip(matrix.cells[0].skipped)
    assert words(matrix, Way.PSQL) == column(0)


def test_real_drizzle_agrees_with_the_drizzle_like_runner(server: Server) -> None:
    matrix = run_matrix(server, ways=(Way.DRIZZLE_LIKE, Way.DRIZZLE))
    assert words(matrix, Way.DRIZZLE_LIKE) == column(3)
    reason = matrix.cell("as written", Way.DRIZZLE).skipped
    if reason:
        (pytest.fail if os.environ.get("HARNESS_REQUIRE_NPM") == "1" else pytest.skip)(reason)
    assert words(matrix, Way.DRIZZLE) == column(3)
    assert matrix.disagreements() == ()
    assert matrix.drizzle.startswith("drizzle-orm 0.44.7 under Node v")


def test_agreement_ends_when_a_message_or_the_record_differs() -> None:
    layout = LAYOUTS[0]
    done = Attempt(SchemaState.BASE, SchemaState.READY, None, "", (("hash", 1),))
    like = Cell(layout, Way.DRIZZLE_LIKE, done, done)
    for other in (replace(done, message="another"), replace(done, recorded=())):
        matrix = Matrix((like, Cell(layout, Way.DRIZZLE, done, other)), "")
        assert matrix.disagreements() == (layout.name,)
    assert Matrix((like, Cell(layout, Way.DRIZZLE, done, done)), "").disagreements() == ()


@pytest.mark.parametrize(
    ("before", "after", "sqlstate", "outcome"),
    [
        (SchemaState.BASE, SchemaState.READY, None, RunOutcome.APPLIED),
        (SchemaState.BASE, SchemaState.READY, "42701", RunOutcome.HALF_DONE),
        (SchemaState.BASE, SchemaState.COLUMN, None, RunOutcome.HALF_DONE),
        (SchemaState.BASE, SchemaState.BASE, None, RunOutcome.SILENT),
        (SchemaState.INVALID, SchemaState.INVALID, None, RunOutcome.SILENT),
        (SchemaState.BASE, SchemaState.BASE, "", RunOutcome.REFUSED),
        (SchemaState.READY, SchemaState.READY, None, RunOutcome.SETTLED),
    ],
)
def test_outcome_follows_from_the_catalogue(
    before: SchemaState, after: SchemaState, sqlstate: str | None, outcome: RunOutcome
) -> None:
    assert Attempt(before, after, sqlstate, "", ()).outcome is outcome


def test_migrator_says_why_when_npm_reaches_no_registry(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{nobody.getsockname()[1]}/")
        with (
            pytest.raises(UnavailableError, match="cannot be installed: npm error code ECONNREFUSED"),
            migrator(),
        ):
            pass
    assert list((tmp_path / "rollout-harness" / "drizzle").iterdir()) == []
