"""Databases cloned from templates: alike, apart from each other, and gone afterwards."""

from collections.abc import Sequence

import pytest
from psycopg.conninfo import conninfo_to_dict

from harness.database import catalog
from harness.database import templates as module
from harness.database.runners import OnStatement, connect, run_statements
from harness.database.schema_state import TARGETS, SchemaState
from harness.database.scripts import Script
from harness.database.server import Server
from harness.database.structure import structure_differences
from harness.database.templates import Templates
from harness.errors import UsageError
from tests.fix_database import databases


def name_in(dsn: str) -> str:
    return str(conninfo_to_dict(dsn)["dbname"])


@pytest.mark.parametrize("state", TARGETS)
def test_template_has_its_state_and_the_seeded_rows(templates: Templates, state: SchemaState) -> None:
    with templates.database(state) as dsn, connect(dsn) as connection:
        assert catalog.schema_state(connection) is state
        for table in ("microdollar_usage", "microdollar_usage_metadata"):
            assert catalog.digest(connection, table, ["id"]).rows == 100
        user = connection.execute("SELECT * FROM kilocode_users ORDER BY id LIMIT 1").fetchone()
        assert user == ("user-1", "user-1@example.com", 0, None, None)


def test_databases_do_not_see_each_other(templates: Templates) -> None:
    with templates.database(SchemaState.BASE) as one, templates.database(SchemaState.BASE) as other:
        with connect(one) as connection:
            connection.execute("DELETE FROM microdollar_usage")
        with connect(other) as connection:
            assert connection.execute("SELECT count(*) FROM microdollar_usage").fetchone() == (100,)


def test_template_is_migrated_once_however_often_it_is_cloned(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[str] = []

    def counted(dsn: str, scripts: Sequence[Script], on_statement: OnStatement) -> None:
        applied.extend(script.name for script in scripts)
        run_statements(dsn, scripts, on_statement)

    monkeypatch.setattr(module, "run_statements", counted)
    with Templates(server, seed_rows=1) as made:
        for _ in range(2):
            with made.database(SchemaState.READY):
                pass
    assert applied == ["0000_baseline.sql", "up/0005a_add_column.sql", "up/0005b_build_index.sql"]


def test_structure_is_that_of_the_files_and_tells_what_differs(templates: Templates) -> None:
    column = Script("up.sql", "ALTER TABLE microdollar_usage_metadata ADD COLUMN a text;")
    expected = templates.structure([column])
    assert expected - templates.structure([]) == {("microdollar_usage_metadata", "column a text")}
    with templates.after([]) as dsn:
        assert structure_differences(dsn, expected) == ["microdollar_usage_metadata lacks column a text"]
        with connect(dsn) as connection:
            connection.execute("CREATE TABLE other (a text)")
            connection.execute("ALTER TABLE microdollar_usage_metadata ADD COLUMN a text NOT NULL DEFAULT ''")
        assert len(structure_differences(dsn, expected)) == 2


def test_templates_and_databases_are_dropped_at_the_end(server: Server) -> None:
    with Templates(server, seed_rows=0) as made:
        name = made.name(SchemaState.BASE)
        with made.database(SchemaState.BASE) as dsn:
            clone = name_in(dsn)
            assert {name, clone} <= databases(server.admin_dsn)
    assert not {name, clone} & databases(server.admin_dsn)


def test_template_that_cannot_be_made_is_dropped(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def breaks(dsn: str, _scripts: Sequence[Script], _on_statement: OnStatement) -> None:
        made.append(name_in(dsn))
        raise RuntimeError("broken")

    monkeypatch.setattr(module, "run_statements", breaks)
    with Templates(server) as templates, pytest.raises(RuntimeError, match="broken"):
        templates.name(SchemaState.BASE)
    assert made
    assert not set(made) & databases(server.admin_dsn)


@pytest.mark.parametrize("state", [SchemaState.BUILDING, SchemaState.INVALID])
def test_template_is_refused_for_a_state_that_is_half_way(templates: Templates, state: SchemaState) -> None:
    with pytest.raises(UsageError, match=state):
        templates.name(state)


def test_seeded_rows_are_the_same_on_every_server_and_every_time(server: Server) -> None:
    found = set()
    for _ in range(2):
        with (
            Templates(server, seed_rows=50) as made,
            made.database(SchemaState.BASE) as dsn,
            connect(dsn) as connection,
        ):
            for table in ("microdollar_usage", "microdollar_usage_metadata"):
                names = [column.name for column in catalog.columns(connection, table)]
                found.add((table, catalog.digest(connection, table, names)))
    assert len(found) == 2
