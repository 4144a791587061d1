"""`harness doctor`: what is there is tried, what is missing is named with its remedy, and the exit code follows."""

import json
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from harness.clients.extra_headers import NONE_GIVEN
from harness.database.declared import declared_store, plan_store
from harness.errors import UnavailableError, UsageError
from harness.rollout import load_rollout
from harness.run import doctor_machine, doctor_target
from harness.run.doctor import Group, Part, Presence, exit_code
from harness.run.doctor_machine import machine_parts
from harness.run.doctor_target import backend_parts, database_parts
from harness.sut.external import site_of
from tests.command import harness_command
from tests.fix_orders import ORDERS, Orders
from tests.fix_pgbouncer import Pooled
from tests.fix_stack import StartReplica

STORE = plan_store()
ROLE = "CREATE ROLE doctor_reader LOGIN; GRANT USAGE ON SCHEMA public TO doctor_reader;"


def states(parts: Sequence[Part]) -> dict[str, Presence]:
    return {part.name: part.state for part in parts}


def test_what_this_machine_has_is_tried() -> None:
    found = states(list(machine_parts()))
    assert {found[name] for name in ("Python", "embedded Postgres 16", "Node", "loopback")} == {
        Presence.PRESENT
    }
    assert {"Docker", "npm", "Chromium", "locale", "shared memory", "open files"} < set(found)


def test_a_node_that_does_not_start_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "node"
    broken.write_text("#!/nowhere\n")
    broken.chmod(0o755)
    monkeypatch.setattr(doctor_machine, "node_path", lambda: broken)
    part = doctor_machine._node()
    assert part.state is Presence.MISSING
    assert "does not start" in part.line
    assert "pip install" in part.line


def test_a_postgres_that_does_not_start_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_major: int) -> None:
        raise UnavailableError("no room")

    monkeypatch.setattr(doctor_machine, "embedded_server", refuse)
    assert states([doctor_machine._postgres(major) for major in (16, 18)]) == {
        "embedded Postgres 16": Presence.MISSING,
        "embedded Postgres 18": Presence.OPTIONAL,
    }


def test_a_folder_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    part = doctor_machine._folder("state folder", tmp_path / "a" / "b")
    assert part.state is Presence.OPTIONAL
    assert "XDG_STATE_HOME" in part.line


@pytest.mark.parametrize(
    ("state", "code"), [(Presence.PRESENT, 0), (Presence.OPTIONAL, 0), (Presence.MISSING, 1)]
)
def test_the_exit_code_follows_what_is_missing(state: Presence, code: int) -> None:
    fine = Part("a", Presence.PRESENT, "there")
    assert exit_code([Group("x", (fine,)), Group("y", (fine, Part("b", state, "so")))]) == code


async def test_a_backend_that_serves_its_paths(start: StartReplica, ready_dsn: str) -> None:
    replica = await start(ready_dsn)
    found = [*backend_parts(replica.origin, NONE_GIVEN, STORE.rollout)]
    assert {part.state for part in found} == {Presence.PRESENT, Presence.OPTIONAL}  # it sends no date
    assert [part.name for part in found if part.state is Presence.OPTIONAL] == ["its clock"]
    assert all("405" in part.found for part in found[:-1])


async def test_a_path_that_is_not_served_is_missing(start: StartReplica, ready_dsn: str) -> None:
    replica = await start(ready_dsn)
    found = [*backend_parts(replica.origin, NONE_GIVEN, load_rollout(ORDERS))]
    assert found[0].state is Presence.MISSING
    assert "404" in found[0].line


def test_a_backend_that_is_not_there_is_missing() -> None:
    (part,) = backend_parts("http://127.0.0.1:1", NONE_GIVEN, STORE.rollout)
    assert part.state is Presence.MISSING
    assert "start it" in part.remedy


@pytest.mark.parametrize("url", ["ftp://a", "http://a/path", "127.0.0.1:3000"])
def test_what_is_no_url_of_a_site_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        site_of(url)
    with pytest.raises(UsageError):
        list(backend_parts(url, NONE_GIVEN, STORE.rollout))


def test_a_database_as_it_should_be(ready_dsn: str) -> None:
    found = list(database_parts(ready_dsn, STORE))
    assert {part.state for part in found} == {Presence.PRESENT}
    assert "PostgreSQL" in "".join(part.found for part in found)


def test_a_column_that_is_to_come_is_told(base_dsn: str) -> None:
    found = states(list(database_parts(base_dsn, STORE)))
    assert found["posthog_distinct_id"] is Presence.OPTIONAL
    assert Presence.MISSING not in found.values()


def test_tables_that_are_not_there_are_missing(empty_dsn: str) -> None:
    found = [part for part in database_parts(empty_dsn, STORE) if part.state is Presence.MISSING]
    assert len(found) == 2
    assert "is not there" in found[0].found


def test_rights_that_a_role_lacks_are_missing(ready_dsn: str) -> None:
    with psycopg.connect(ready_dsn, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS doctor_reader")
        owner.execute(ROLE)
    try:
        dsn = psycopg.conninfo.make_conninfo(ready_dsn, user="doctor_reader")
        found = list(database_parts(dsn, STORE))
        remedies = [part.remedy for part in found if part.state is Presence.MISSING]
        assert len(remedies) == 2
        assert all(remedy.startswith("GRANT SELECT ON") for remedy in remedies)
        assert states(found)["DELETE"] is Presence.OPTIONAL
        with psycopg.connect(ready_dsn, autocommit=True) as owner:
            for remedy in remedies:  # what is advised helps
                owner.execute(remedy.encode())
        assert Presence.MISSING not in states(list(database_parts(dsn, STORE))).values()
    finally:
        with psycopg.connect(ready_dsn, autocommit=True) as owner:
            owner.execute("DROP OWNED BY doctor_reader; DROP ROLE doctor_reader")


def test_a_pooler_is_told(ready_dsn: str, pooled: Pooled) -> None:
    found = list(database_parts(pooled(ready_dsn), STORE))
    assert found[0].state is Presence.OPTIONAL
    assert "transaction mode" in found[0].found


def test_a_database_that_is_not_there_shows_no_password() -> None:
    (part,) = database_parts("postgresql://me:sesame@127.0.0.1:1/backend", STORE)
    assert part.state is Presence.MISSING
    assert "sesame" not in part.line


@pytest.mark.parametrize(("off_s", "word"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_is_off_is_told(off_s: int, word: str) -> None:
    part = doctor_target._clock("its clock", timedelta(seconds=off_s), "")
    assert part.state is Presence.OPTIONAL
    assert f"3,600 s {word}" in part.found


def test_the_command_prints_what_it_found(ready_dsn: str) -> None:
    ended = harness_command("doctor", "--database-url", ready_dsn)
    assert ended.returncode == 0, ended.stderr
    assert "This machine\n" in ended.stdout
    assert sys.executable in ended.stdout
    assert "\x1b" not in ended.stdout  # into a pipe
    assert ended.stdout.rstrip().endswith("nothing that is needed is missing")


def test_the_command_gives_json_and_fails(empty_dsn: str) -> None:
    ended = harness_command("doctor", "--json", "--database-url", empty_dsn)
    assert ended.returncode == 1
    found = json.loads(ended.stdout)
    assert found["format"] == "harness.doctor/1"
    assert found["missing"] == ["microdollar_usage", "microdollar_usage_metadata"]


def test_another_rollouts_paths_and_tables_are_looked_at(orders: Orders, orders_dsn: str) -> None:
    done = harness_command(
        "doctor", "--target", orders(), "--database-url", orders_dsn, "--rollout", str(ORDERS), "--json"
    )
    groups = {group["name"]: group["parts"] for group in json.loads(done.stdout)["groups"]}
    assert [part["name"] for part in groups["the backend"]] == ["/orders", "its clock"]
    seen = {part["name"]: part["state"] for part in groups["the database"]}
    assert (seen["orders"], seen["order_audit"]) == ("present", "present")
    without = declared_store(load_rollout(ORDERS))
    with psycopg.connect(orders_dsn) as connection:
        connection.execute("ALTER TABLE order_audit DROP COLUMN request_origin")
    found = states(list(database_parts(orders_dsn, without)))
    assert (found["request_origin"], found["order_audit"]) == (Presence.OPTIONAL, Presence.PRESENT)
