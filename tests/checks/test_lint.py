"""Each rule for migration files has a file that breaks it, and the harness's own files break none."""

from pathlib import Path

import pytest

from harness.data import fixture_path, sql_path
from harness.database.declared import declared_store
from harness.database.drizzle_folder import Folder, JournalEntry
from harness.database.scripts import Script
from harness.errors import UsageError
from harness.rollout import load_rollout
from harness.run.lint import lint_folder
from tests.command import ROOT, harness_command

TABLE = "microdollar_usage_metadata"
ADD = f"SET lock_timeout = '2s';\nALTER TABLE {TABLE} ADD COLUMN posthog_distinct_id text;\n"
BUILD = f"CREATE INDEX CONCURRENTLY i ON {TABLE} (posthog_distinct_id);\n"
OLD = Script("0004_old.sql", "SELECT 1;")


def folder(tmp_path: Path, *files: Script, when: int | None = 2000) -> Path:
    """A folder of drizzle's; without `when` the new files are not journalled."""
    journal = [JournalEntry("0004_old", 1000)]
    if when is not None:
        journal += [JournalEntry(file.name.removesuffix(".sql"), when + at) for at, file in enumerate(files)]
    Folder((OLD, *files), tuple(journal)).write(tmp_path / "drizzle")
    return tmp_path / "drizzle"


def plain_folder(tmp_path: Path, *files: Script) -> Path:
    for file in (OLD, *files):
        (tmp_path / file.name).write_text(file.text)
    return tmp_path


def rules(path: Path) -> list[str]:
    return [one.rule for one in lint_folder(path)[1]]


def test_corrected_files_have_no_fault() -> None:
    assert lint_folder(sql_path("up"))[1] == ()


def test_journalled_file_with_the_column_alone_has_no_fault(tmp_path: Path) -> None:
    assert lint_folder(folder(tmp_path, Script("0005_a.sql", ADD)))[1] == ()


def test_plan_file_has_no_lock_timeout_and_no_journal(tmp_path: Path) -> None:
    text = sql_path("0005_add_posthog_distinct_id_to_usage_metadata.sql").read_text()
    found = lint_folder(folder(tmp_path, Script("0005_a.sql", text)))[1]
    assert [(one.line, one.rule) for one in found] == [
        (1, "squawk/require-lock-timeout"),
        (5, "build-in-transaction"),
    ]
    assert all("\n" not in one.describe() for one in found)
    assert found[1].describe().startswith("0005_a.sql:5 build-in-")


@pytest.mark.parametrize(
    ("files", "when", "rule"),
    [
        ([Script("0005_a.sql", ADD), Script("5_b.sql", "SELECT 2;")], 2000, "number-taken"),
        ([Script("add.sql", ADD)], 2000, "no-number"),
        ([Script("0005_a.sql", ADD)], None, "not-journalled"),
        ([Script("0005_a.sql", ADD)], 1000, "older-when"),
        ([Script("0005_a.sql", f"{ADD}COMMIT;\nSELECT 1;")], 2000, "squawk/transaction-nesting"),
        ([Script("0005_a.sql", ADD.replace("'2s'", "0"))], 2000, "no-lock-timeout"),
        ([Script("0005_a.sql", ADD.partition("\n")[2])], 2000, "squawk/require-lock-timeout"),
        ([Script("0005_a.sql", ADD.replace("id text", "id varchar(64)"))], 2000, "another-column"),
        (
            [Script("0005_a.sql", ADD.replace("id text", "id text NOT NULL"))],
            2000,
            "another-column",
        ),
    ],
)
def test_fault_of_a_journalled_file_is_told_by_its_rule(
    tmp_path: Path, files: list[Script], when: int | None, rule: str
) -> None:
    assert rules(folder(tmp_path, *files, when=when)) == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        (BUILD.replace("CONCURRENTLY", "CONCURRENTLY IF NOT EXISTS"), "if-not-exists-on-build", 1),
        (f"-- first\nSET lock_timeout = '5s';\n\n-- then\n{BUILD}", "lock-timeout-on-build", 5),
        (f"SET lock_timeout TO 100;\n{BUILD}", "lock-timeout-on-build", 2),
        (f"SET lock_timeout = '5s';\nSET lock_timeout = 0;\n{BUILD}", "", 0),
        (BUILD.replace(" CONCURRENTLY", ""), "squawk/require-lock-timeout", 1),
        (f"BEGIN;\n{BUILD}COMMIT;\n", "build-in-transaction", 2),
        ("CREATE INDX posthog_distinct_id", "squawk/syntax-error", 1),
    ],
)
def test_fault_of_a_build_is_told_with_its_line(tmp_path: Path, text: str, rule: str, line: int) -> None:
    found = lint_folder(plain_folder(tmp_path, Script("0006_b.sql", text)))[1]
    assert ((rule, line) in [(one.rule, one.line) for one in found]) or (not rule and not found), found


def test_journal_that_names_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    path = folder(tmp_path, Script("0005_a.sql", ADD))
    (path / "0004_old.sql").unlink()
    assert rules(path) == ["file-missing"]


def test_folder_without_a_file_of_the_rollout_is_a_fault(tmp_path: Path) -> None:
    assert rules(plain_folder(tmp_path)) == ["no-migration"]


def test_lint_is_refused_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder of migrations"):
        lint_folder(tmp_path / "nothing")


def test_squawk_is_not_led_by_a_configuration_that_lies_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["require-lock-timeout"]\n')
    monkeypatch.chdir(tmp_path)
    path = plain_folder(tmp_path, Script("0005_a.sql", ADD.partition("\n")[2]))
    assert rules(path) == ["squawk/require-lock-timeout"]


ORDERS = ROOT / "tests" / "rollouts" / "orders"
LOCK = "SET lock_timeout = '2s';\n"
OF_OTHERS = [
    (ORDERS, "ALTER TABLE order_audit ADD COLUMN request_origin text;", []),
    (
        ORDERS,
        "ALTER TABLE order_audit ADD COLUMN request_origin varchar(4);",
        ["request_origin is varchar(4): an id of 5 to 11 characters is refused (22001)"],
    ),
    (
        fixture_path("rollouts/feature"),
        "ALTER TABLE microdollar_usage_metadata ADD COLUMN feature_id text;",
        ["feature_id is text, not integer; declared is a nullable integer without a default"],
    ),
    (
        fixture_path("rollouts/machine-id"),
        "ALTER TABLE microdollar_usage_metadata ADD COLUMN machine_id text NOT NULL;",
        ["machine_id is NOT NULL: "],
    ),
]


@pytest.mark.parametrize(("rollout", "text", "expected"), OF_OTHERS)
def test_files_of_another_rollout_are_held_to_its_own(
    tmp_path: Path, rollout: Path, text: str, expected: list[str]
) -> None:
    store = declared_store(load_rollout(rollout))
    linted = lint_folder(plain_folder(tmp_path, Script("0005_a.sql", LOCK + text)), store=store)
    assert len(linted.faults) == len(expected)
    assert all(lint.message.startswith(told) for lint, told in zip(linted.faults, expected, strict=True))
    assert store.column.name in linted.files.describe()


def test_schema_lints_the_files_of_another_rollout(tmp_path: Path) -> None:
    path = plain_folder(tmp_path, Script("0005_a.sql", "ALTER TABLE order_audit ADD request_origin text;"))
    done = harness_command("schema", "--rollout", str(ORDERS), "--migrations", str(path))
    assert done.returncode == 1
    assert "0005_a.sql:1 squawk/require-lock-timeout: " in done.stdout
