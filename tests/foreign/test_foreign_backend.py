"""The plain build keeps the contract, every fault shows, and no harmless variant breaks anything."""

import http.client
import json
from collections.abc import Iterable
from urllib.parse import urlsplit

import psycopg
import pytest

from harness.database.server import Server
from tests.foreign.catalogue import CATALOGUE, FAULTS, HARMLESS, PLAIN, Entry, counts
from tests.foreign.client import SECONDS, Observation, Send, observe, read_rows
from tests.foreign.contract import index_serves, violations
from tests.foreign.launch import Backend, backends, prepared_database
from tests.foreign.scenarios import BREADTH, FLEET_SENDS, ID, TELLING

pytestmark = pytest.mark.foreign


def _each(entries: Iterable[Entry]) -> list[object]:
    return [pytest.param(entry, id=entry.name) for entry in entries]


def _of(entries: Iterable[Entry], where: str) -> list[object]:
    return _each(entry for entry in entries if entry.where == where)


IN_INDEX = [entry for entry in FAULTS if entry.kind == "index" or entry.name == "schema-part-forgotten"]
IN_ROWS = [entry for entry in FAULTS if entry.where == "sql" and entry.name in TELLING]


def _kept(seen: Observation, backend: Backend) -> None:
    assert violations(seen, backend) == []


def test_every_entry_is_told_apart_and_named_once() -> None:
    assert len({entry.name for entry in CATALOGUE}) == len(CATALOGUE)
    assert len({entry.sentence for entry in CATALOGUE}) == len(CATALOGUE)
    told = {*TELLING, *(entry.name for entry in IN_INDEX), *(entry.name for entry in FAULTS if entry.fleet)}
    assert told == {entry.name for entry in FAULTS}


def test_every_kind_has_faults_and_harmless_variants() -> None:
    assert len(counts()) == 13
    assert all(faults >= 4 and harmless >= 2 for faults, harmless in counts().values())
    assert (len(FAULTS), len(HARMLESS)) >= (66, 34)


def test_the_plain_build_keeps_the_contract(plain: Backend) -> None:
    seen = observe(plain, BREADTH)
    assert {reply.status for reply in seen.replies} == {200}
    _kept(seen, plain)


def test_the_plain_index_serves_the_look_up(plain: Backend) -> None:
    assert index_serves(plain.dsn)


def _post(backend: Backend, path: str, body: object, **headers: str) -> tuple[int, bytes]:
    place = urlsplit(backend.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
    try:
        connection.request("POST", path, json.dumps(body) if body != b"" else b"{", headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("prefix", ["openrouter", "gateway"])
def test_refusals_come_in_the_order_of_the_contract(plain: Backend, prefix: str) -> None:
    path = f"/api/{prefix}/chat/completions"
    free = {"model": plain.free_model}
    no_address = {"x-forwarded-for": " , 10.0.0.1"}
    assert _post(plain, f"/api/{prefix}/completions", free)[0] == 400
    assert [_post(plain, path, body)[0] for body in (b"", None, "text", 1, True)] == [400] * 5
    assert [_post(plain, path, {"model": model})[0] for model in (None, 1, " ")] == [404] * 3
    assert _post(plain, path, {"model": plain.paid_model}, **no_address)[0] == 400
    status, body = _post(plain, path, {"model": plain.paid_model, "max_tokens": 10**12})
    assert (status, json.loads(body)["error"]["code"]) == (401, "PAID_MODEL_AUTH_REQUIRED")
    assert _post(plain, path, {**free, "max_tokens": 10**12})[0] == 503


def test_what_the_parser_refuses_has_an_empty_body(plain: Backend) -> None:
    path = "/api/openrouter/chat/completions"
    free = {"model": plain.free_model}
    assert _post(plain, path, free, **{"x-posthog-distinct-id": "a\x01b"}) == (400, b"")
    assert _post(plain, path, free, **{"x-posthog-distinct-id": "a" * 17_000}) == (431, b"")


def test_a_row_that_can_not_be_written_leaves_the_reply_as_it_is(server: Server, packages: None) -> None:  # noqa: ARG001
    with (
        server.database() as dsn,
        prepared_database(dsn) as database,
        backends(database.dsn, [PLAIN]) as made,
    ):
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("ALTER TABLE microdollar_usage_metadata DROP COLUMN posthog_distinct_id")
        reply = _post(made[PLAIN], "/api/gateway/chat/completions", {"model": made[PLAIN].free_model})
        assert reply[0] == 200
        made[PLAIN].drain()
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SELECT count(*) FROM microdollar_usage").fetchone() == (0,)


def test_what_still_waits_is_written_when_the_process_ends(server: Server, packages: None) -> None:  # noqa: ARG001
    name = "harmless-rows-late"
    with server.database() as dsn, prepared_database(dsn) as database:
        with backends(database.dsn, [name]) as made:
            free = {"model": made[name].free_model}
            assert (
                _post(made[name], "/api/openrouter/chat/completions", free, **{"x-posthog-distinct-id": ID})[
                    0
                ]
                == 200
            )
        assert [row["posthog_distinct_id"] for row in read_rows(dsn)] == [ID]


def _shows(plain: Backend, faulty: Backend, sends: tuple[Send, ...]) -> None:
    proper, seen = observe(plain, sends), observe(faulty, sends)
    if "kilo/paid" not in {send.model for send in sends}:
        _kept(proper, plain)
    assert seen.comparable() != proper.comparable()


@pytest.mark.parametrize("entry", _of(FAULTS, "code"))
def test_a_fault_in_the_code_shows(entry: Entry, served: dict[str, Backend]) -> None:
    _shows(served[PLAIN], served[entry.name], TELLING[entry.name])


@pytest.mark.parametrize("entry", _of(HARMLESS, "code"))
def test_a_harmless_build_keeps_the_contract(entry: Entry, served: dict[str, Backend]) -> None:
    _kept(observe(served[entry.name], BREADTH), served[entry.name])


@pytest.mark.parametrize("entry", _each(IN_ROWS))
def test_a_fault_in_the_database_shows_in_the_rows(entry: Entry, server: Server, plain: Backend) -> None:
    with (
        server.database() as dsn,
        prepared_database(dsn, entry.name) as database,
        backends(database.dsn, [entry.name], database.role_dsn) as made,
    ):
        _shows(plain, made[entry.name], TELLING[entry.name])
        if entry.role:
            assert _as_reader(made[entry.name]) != sorted(map(str, read_rows(dsn)))


def _as_reader(backend: Backend) -> list[str]:
    try:
        return sorted(map(str, read_rows(backend.role_dsn)))
    except psycopg.errors.InsufficientPrivilege as error:
        return [str(error)]


@pytest.mark.parametrize("entry", _each(IN_INDEX))
def test_a_faulty_index_does_not_serve(entry: Entry, server: Server) -> None:
    with server.database() as dsn, prepared_database(dsn, entry.name):
        assert not index_serves(dsn)


@pytest.mark.parametrize("entry", _of(HARMLESS, "sql"))
def test_a_harmless_database_keeps_the_contract(entry: Entry, server: Server, packages: None) -> None:  # noqa: ARG001
    with server.database() as dsn, prepared_database(dsn, entry.name) as database:
        assert index_serves(dsn)
        with backends(database.dsn, [entry.name], database.role_dsn) as made:
            _kept(observe(made[entry.name], BREADTH), made[entry.name])
            assert _as_reader(made[entry.name]) == sorted(map(str, read_rows(dsn)))


@pytest.mark.parametrize("entry", _of(CATALOGUE, "fleet"))
def test_a_fleet_loses_values_only_where_a_member_does(entry: Entry, server: Server, packages: None) -> None:  # noqa: ARG001
    with (
        server.database() as dsn,
        prepared_database(dsn) as database,
        backends(database.dsn, [entry.name]) as made,
    ):
        seen = observe(made[entry.name], FLEET_SENDS)
    assert {reply.status for reply in seen.replies} == {200}
    faults = violations(seen, made[entry.name])
    assert bool(faults) == entry.harmful
    assert len(faults) < len(FLEET_SENDS)
