"""A new rollout is written with its schema beside it, is checked, and leaves nothing where an answer is wrong."""

from pathlib import Path

import pytest

from harness.rollout import load_rollout
from tests.command import harness_command

ANSWERS = {
    "--header": "x-request-origin",
    "--path": "/orders",
    "--table": "orders",
    "--column": "request_origin",
    "--reply-column": "ref",
}


def words(**changed: str) -> list[str]:
    answers = ANSWERS | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
    return [word for pair in answers.items() if pair[1] for word in pair]


def test_new_folder_loads_and_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "origin"
    done = harness_command("rollout", "new", str(folder), *words(match="\\d{1,20}", reply_id="order.ref"))
    assert (done.returncode, done.stderr) == (0, "")
    files = {path.name for path in folder.iterdir()}
    assert files == {"rollout.toml", "rollout.schema.json", "body.json", "up.sql", "down.sql"}
    assert (folder / "rollout.toml").read_text().startswith("#:schema ./rollout.schema.json\n")
    rollout = load_rollout(folder)
    assert (rollout.name, rollout.header.rule[0].match) == ("request-origin", "\\d{1,20}")
    assert rollout.tables.store.main.column == "request_origin"
    shown = harness_command("rollout", "show", "--rollout", str(folder))
    assert shown.returncode == 0
    assert "legal orders: 24" in shown.stdout


def test_column_goes_to_the_second_table_where_one_is_named(tmp_path: Path) -> None:
    arguments = words(detail_table="order_audit", detail_key="order_id")
    assert harness_command("rollout", "new", str(tmp_path / "a"), *arguments).returncode == 0
    detail = load_rollout(tmp_path / "a").tables.store.detail
    assert detail is not None
    assert (detail.table, detail.key, detail.column) == ("order_audit", "order_id", "request_origin")
    assert 'ALTER TABLE "order_audit" ADD COLUMN "request_origin"' in (tmp_path / "a" / "up.sql").read_text()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"header": ""}, "--header is missing; on a terminal it is asked for"),
        ({"path": "orders"}, 'request.paths[0] = "orders" is no path'),
        ({"header": "x y"}, 'header.name = "x y" is no header name'),
        ({"detail_table": "order_audit"}, "--detail-table and --detail-key go together"),
    ],
)
def test_wrong_answer_is_one_line_and_leaves_nothing(
    tmp_path: Path, changed: dict[str, str], told: str
) -> None:
    done = harness_command("rollout", "new", str(tmp_path / "a"), *words(**changed))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert told in done.stderr
    assert not (tmp_path / "a").exists()


def test_rollout_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    assert harness_command("rollout", "new", str(tmp_path), *words()).returncode == 0
    again = harness_command("rollout", "new", str(tmp_path), *words(column="other"))
    assert again.returncode == 2
    assert "is there already; name another folder" in again.stderr
    assert load_rollout(tmp_path).tables.store.main.column == "request_origin"
