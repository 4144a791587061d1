"""`harness migrate` brings a database through the steps of any rollout, and back, from wherever it stands."""

import shutil
from pathlib import Path

import psycopg
import pytest

from harness.data import fixture_path
from harness.database.structure import structure
from harness.errors import UnavailableError, UsageError
from harness.run.migrate import MigrateDocument, run_migrate
from harness.run.options.migrate import MigrateOptions
from tests.command import harness_command
from tests.fix_orders import ORDERS

THREE_STEPS = ORDERS.parent / "three-steps"
FIVE = ["add the column", "build the index", "add the second column", "fill in the second column"]


def migrate(dsn: str, folder: Path, to: str, *, rollback: bool = False) -> MigrateDocument:
    options = MigrateOptions(dsn, to, rollback=rollback, with_baseline=True, rollout=folder)
    return run_migrate(options, lambda _: None)


def execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    "folder",
    [
        ORDERS,
        THREE_STEPS,
        *(fixture_path(f"rollouts/{name}") for name in ("machine-id", "feature", "length-only")),
    ],
    ids=lambda folder: folder.name,
)
def test_an_empty_database_becomes_ready_and_base_again(empty_dsn: str, folder: Path) -> None:
    assert migrate(empty_dsn, folder, "base").before == "empty"
    base = structure(empty_dsn)
    ready = migrate(empty_dsn, folder, "ready")
    assert (ready.before, ready.after) == ("base", "ready")
    assert ready.column
    assert migrate(empty_dsn, folder, "ready").statements == ()
    back = migrate(empty_dsn, folder, "base", rollback=True)
    assert (back.before, back.after, back.column) == ("ready", "base", None)
    assert structure(empty_dsn) == base


STAMP = """CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER stamped BEFORE INSERT ON words FOR EACH ROW EXECUTE FUNCTION stamp();"""
UNSTAMP = "DROP TRIGGER stamped ON words;\nDROP FUNCTION stamp();"


def with_trigger(folder: Path) -> Path:
    """The orders' rollout with two steps before its own: a trigger is made, and a view is dropped and made anew."""
    shutil.copytree(ORDERS, folder)
    baseline, toml = folder / "baseline.sql", folder / "rollout.toml"
    view = "CREATE VIEW seen AS SELECT 1 AS a;\n"
    baseline.write_text(f"{baseline.read_text()}CREATE TABLE words (word text);\n{view}")
    for name, text in {"stamp": STAMP, "unstamp": UNSTAMP, "view": f"DROP VIEW seen;\n{view}"}.items():
        (folder / f"{name}.sql").write_text(text)
    steps = (("stamp", "stamp", "unstamp"), ("make the view anew", "view", "view"))
    written = "".join(
        f'[[step]]\nname = "{name}"\nup = "{up}.sql"\ndown = "{down}.sql"\n\n' for name, up, down in steps
    )
    toml.write_text(toml.read_text().replace("[[step]]", f"{written}[[step]]", 1))
    return folder


def test_triggers_and_functions_show_how_far_a_step_is(empty_dsn: str, tmp_path: Path) -> None:
    folder = with_trigger(tmp_path / "rollout")
    migrate(empty_dsn, folder, "base")
    base = structure(empty_dsn)
    assert migrate(empty_dsn, folder, "stamp").after == "stamp"
    assert migrate(empty_dsn, folder, "stamp").statements == ()
    # The view is there before its step, and after it: it is made anew until what comes later is done.
    assert len(migrate(empty_dsn, folder, "make the view anew").statements) == 2
    assert migrate(empty_dsn, folder, "ready").after == "ready"
    migrate(empty_dsn, folder, "base", rollback=True)
    assert structure(empty_dsn) == base
    execute(empty_dsn, STAMP.partition("\n")[0])
    with pytest.raises(UnavailableError, match=r"lacks trigger words\.stamped"):
        migrate(empty_dsn, folder, "stamp")


def test_each_step_is_a_state_by_its_name(empty_dsn: str) -> None:
    for number, name in enumerate(FIVE, start=1):
        assert migrate(empty_dsn, THREE_STEPS, name).after == ", ".join(FIVE[:number])
    # That rows were filled in shows nowhere: it is done again until what needs it is done.
    assert len(migrate(empty_dsn, THREE_STEPS, FIVE[-1]).statements) == 1
    assert migrate(empty_dsn, THREE_STEPS, "ready").after == "ready"
    back = migrate(empty_dsn, THREE_STEPS, "build the index", rollback=True)
    assert back.after == "add the column, build the index"
    with pytest.raises(UsageError, match="ask for a migration"):
        migrate(empty_dsn, THREE_STEPS, "ready", rollback=True)
    with pytest.raises(UsageError, match="build the index is done; going back drops what is ahead"):
        migrate(empty_dsn, THREE_STEPS, "add the column")


def test_an_invalid_index_is_recovered_first(empty_dsn: str) -> None:
    migrate(empty_dsn, THREE_STEPS, "build the index")
    execute(empty_dsn, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
            "'idx_microdollar_usage_metadata_posthog_distinct_id'::regclass")  # fmt: skip
    done = migrate(empty_dsn, THREE_STEPS, "build the index")
    assert done.before == "add the column"
    assert done.statements[0].file.startswith("recovery/")
    assert done.after == "add the column, build the index"


def test_a_step_that_is_half_done_is_left_as_it_is(empty_dsn: str, tmp_path: Path) -> None:
    folder = tmp_path / "orders"
    shutil.copytree(ORDERS, folder)
    (folder / "up.sql").write_text(
        "ALTER TABLE order_audit ADD COLUMN request_origin text, ADD COLUMN more text;"
    )
    migrate(empty_dsn, folder, "base")
    execute(empty_dsn, "ALTER TABLE order_audit ADD COLUMN more text")
    with pytest.raises(
        UnavailableError, match=r'"add the column" is half done .* lacks column order_audit.request'
    ):
        migrate(empty_dsn, folder, "ready")


def test_a_refused_statement_says_where_the_database_is_left(empty_dsn: str, tmp_path: Path) -> None:
    folder = tmp_path / "orders"
    shutil.copytree(ORDERS, folder)
    (folder / "up.sql").write_text("ALTER TABLE order_audit ADD COLUMN request_origin no_such_type;")
    with pytest.raises(
        UnavailableError, match=r"up.sql, statement 1 was refused with 42704: .* in state base; "
    ):
        migrate(empty_dsn, folder, "ready")


@pytest.mark.parametrize(
    ("folder", "to", "known"),
    [
        (ORDERS, "index", "of rollout order-origin; ask for one of base, add the column, ready"),
        (
            fixture_path("rollouts/posthog-distinct-id"),
            "building",
            "ask for one of base, add the column, build the index, ready",
        ),
    ],
    ids=["orders", "the default"],
)
def test_an_unknown_state_is_refused_with_the_known_ones(folder: Path, to: str, known: str) -> None:
    with pytest.raises(UsageError, match=known):
        migrate("postgresql://me@127.0.0.1:1/x", folder, to)


def test_the_default_rollout_knows_its_steps_by_name(empty_dsn: str) -> None:
    folder = fixture_path("rollouts/posthog-distinct-id")
    assert migrate(empty_dsn, folder, "add the column").after == "add the column"
    assert migrate(empty_dsn, folder, "build the index").after == "ready"


def test_an_empty_database_is_left_without_the_word(empty_dsn: str) -> None:
    options = MigrateOptions(empty_dsn, "ready", rollout=ORDERS)
    with pytest.raises(
        UnavailableError, match=r"looked for orders and order_audit .* build the tables .*--with-base"
    ):
        run_migrate(options, lambda _: None)


def test_the_command_line_needs_the_folder_alone(empty_dsn: str) -> None:
    options = ("--database-url", empty_dsn, "--rollout", str(ORDERS), "--to", "ready")
    done = harness_command("migrate", *options, "--with-baseline")
    assert (done.returncode, done.stderr) == (0, "")
    assert "state   ready: add the column done" in done.stdout
    assert "column  request_origin text, nullable, no default" in done.stdout
