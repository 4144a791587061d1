"""The validation queries, the plan's own and the guarded ones, equal a count that was made without SQL."""

import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from rich.console import Console

from harness.cli.coverage_view import print_coverage
from harness.clients.persons import is_persons, kept, nobodys
from harness.data import sql_text
from harness.database.relations import Relations
from harness.database.schema_state import SchemaState
from harness.database.templates import Templates
from harness.errors import UnavailableError
from harness.rollout import load_rollout
from harness.run.coverage import judged
from harness.run.coverage_queries import Coverage, read_coverage
from harness.verdict import Verdict

TABLES = """
CREATE TABLE microdollar_usage (id bigint PRIMARY KEY, kilo_user_id text, created_at timestamptz, cost bigint);
CREATE TABLE microdollar_usage_metadata (
    id bigint, message_id text, posthog_distinct_id text, created_at timestamptz
);
"""
NOW = datetime.now(UTC)
ROLLOUT = load_rollout()
CONSUMER = ROLLOUT.tables.consumer
USERS = ("anon:192.0.2.1", "anon:192.0.2.2", "anon:2001:db8::1", "anon:", "user-1", "ANON:x", "anonymous")
VALUES = (None, "a", "b", "c", "", "null", "Guest", " 'NaN'\t", "0", "00", "\u00e9" * 200, "d" * 201)


@dataclass(frozen=True)
class Usage:
    """One request as the generated data have it."""

    user: str
    value: str | None
    hours_ago: int
    cost: int
    has_metadata: bool

    @property
    def counts(self) -> bool:
        """Whether it is an anonymous request of the last seven days with both rows; the window's edge is avoided."""
        return self.user.startswith("anon:") and self.has_metadata and self.hours_ago < 7 * 24


usages = st.lists(
    st.builds(
        Usage,
        st.sampled_from(USERS),
        st.sampled_from(VALUES),
        st.integers(0, 12 * 24).filter(lambda hours: hours != 7 * 24),
        st.integers(0, 5_000_000),
        st.sampled_from([True, True, True, False]),
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def tables_dsn(request: pytest.FixtureRequest) -> Iterator[str]:
    server = request.getfixturevalue("server")
    with server.database() as dsn:
        with psycopg.connect(dsn) as connection:
            connection.execute(TABLES)
        yield dsn


def fill(dsn: str, data: Sequence[Usage]) -> None:
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM microdollar_usage")
        cursor.execute("DELETE FROM microdollar_usage_metadata")
        for number, one in enumerate(data):
            when = NOW - timedelta(hours=one.hours_ago)
            cursor.execute(
                "INSERT INTO microdollar_usage VALUES (%s, %s, %s, %s)", (number, one.user, when, one.cost)
            )
            if one.has_metadata:
                cursor.execute(
                    "INSERT INTO microdollar_usage_metadata VALUES (%s, %s, %s)", (number, "m", one.value)
                )


def asked(dsn: str, name: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(sql_text(f"queries/{name}.sql").encode()).fetchall()


@settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)
@given(data=usages)
def test_every_number_equals_an_independent_count(tables_dsn: str, data: list[Usage]) -> None:
    fill(tables_dsn, data)
    found = read_coverage(tables_dsn, 7, ROLLOUT)
    counted = [one for one in data if one.counts]
    with_id = [one for one in counted if one.value is not None]
    assert (found.requests, found.with_id) == (len(counted), len(with_id))
    assert found.percent == (100 * len(with_id) / len(counted) if counted else None)
    days = Counter((NOW - timedelta(hours=one.hours_ago)).date() for one in counted)
    assert {day.day: day.requests for day in found.by_day} == dict(days)
    _check_links(found, counted, with_id)
    if counted:
        ((planned,),) = asked(tables_dsn, "plan_coverage")
        assert float(str(planned)) == pytest.approx(found.percent)


def _check_links(found: Coverage, counted: list[Usage], with_id: list[Usage]) -> None:
    pairs = Counter((one.user, one.value) for one in with_id)
    assert Counter({(one.user, one.value): one.requests for one in found.top}) == pairs
    assert [one.requests for one in found.top] == sorted(pairs.values(), reverse=True)
    users = {value: {user for user, other in pairs if other == value} for _, value in pairs}
    ids = {user: {value for other, value in pairs if other == user} for user, _ in pairs}
    assert (found.ids, found.users) == (len(users), len(ids))
    assert {one.name: one.count for one in found.shared} == {
        v: len(u) for v, u in users.items() if len(u) > 1
    }
    assert {one.name: one.count for one in found.crowds} == {u: len(v) for u, v in ids.items() if len(v) > 1}
    assert (found.shared_ids, found.crowded_users) == (len(found.shared), len(found.crowds))
    of_nobody = [one for one in with_id if not is_persons(str(one.value), CONSUMER)]
    assert (found.nobodys_ids, found.nobodys_requests) == (
        len({one.value for one in of_nobody}),
        len(of_nobody),
    )
    cut = [one for one in with_id if kept(str(one.value), CONSUMER) != one.value]
    assert (found.cut_ids, found.cut_requests) == (len({one.value for one in cut}), len(cut))
    silent = [one for one in counted if one.user not in ids]
    assert (found.silent_users, found.silent_requests) == (len({one.user for one in silent}), len(silent))


@settings(
    max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)
@given(data=usages)
def test_the_plans_second_query_lists_users_with_their_ids(tables_dsn: str, data: list[Usage]) -> None:
    fill(tables_dsn, data)
    pairs: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for one in data:
        if one.user.startswith("anon:") and one.value is not None and one.has_metadata:
            pairs[one.user, one.value].append(one.cost)
    expected = {(*pair, len(costs), Decimal(sum(costs)) / 1_000_000) for pair, costs in pairs.items()}
    rows = asked(tables_dsn, "plan_users")
    assert set(rows) == expected
    assert [row[2] for row in rows] == sorted((row[2] for row in rows), reverse=True)  # type: ignore[type-var]


def test_no_anonymous_request_breaks_the_plans_query(tables_dsn: str) -> None:
    fill(tables_dsn, [Usage("user-1", "a", 1, 1, has_metadata=True)])
    found = read_coverage(tables_dsn, 7, ROLLOUT)
    assert (found.percent, found.reachable_percent, found.by_day) == (None, None, ())
    with pytest.raises(psycopg.errors.DivisionByZero):
        asked(tables_dsn, "plan_coverage")


def test_more_days_see_more(tables_dsn: str) -> None:
    fill(tables_dsn, [Usage("anon:a", "x", hours, 1, has_metadata=True) for hours in (1, 30, 200, 280)])
    assert [read_coverage(tables_dsn, days, ROLLOUT).requests for days in (1, 2, 10, 30)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("with_id", "limit", "verdict"),
    [
        (3, None, Verdict.GO),
        (3, 75.0, Verdict.GO),
        (3, 75.1, Verdict.NO_GO),
        (None, 1.0, Verdict.INCONCLUSIVE),
        (None, None, Verdict.INCONCLUSIVE),
    ],
)
def test_a_limit_is_kept_or_not_or_there_is_nothing_to_tell(
    tables_dsn: str, with_id: int | None, limit: float | None, verdict: Verdict
) -> None:
    data = [
        Usage("anon:a", "x" if number < (with_id or 0) else None, 1, 1, has_metadata=True)
        for number in range(4)
    ]
    fill(tables_dsn, data if with_id is not None else [])
    assert judged(read_coverage(tables_dsn, 7, ROLLOUT), limit) is verdict


def test_a_database_without_the_column_is_told_in_one_line(base_dsn: str) -> None:
    with pytest.raises(UnavailableError, match="posthog_distinct_id") as caught:
        read_coverage(base_dsn, 7, ROLLOUT)
    assert "\n" not in str(caught.value)


def test_a_database_that_nobody_serves_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        UnavailableError, match=r"^cannot connect to me@.*/x: .*; check the DSN and the server$"
    ):
        read_coverage(f"postgresql://me@/x?host={tmp_path}", 7, ROLLOUT)


def test_the_window_is_read_by_the_index_of_many_rows(templates: Templates) -> None:
    with templates.database(SchemaState.READY) as dsn, psycopg.connect(dsn) as connection:
        connection.execute(
            "INSERT INTO microdollar_usage (kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, "
            "cache_hit_tokens, created_at) SELECT 'anon:' || n, 0, 0, 0, 0, 0, now() - n * interval '1 minute' "
            "FROM generate_series(1, 50000) AS n"
        )
        connection.execute("ANALYZE microdollar_usage")
        text = sql.SQL("EXPLAIN ") + Relations(ROLLOUT).filled("coverage")
        lines = connection.execute(text, {"days": 1}).fetchall()
    assert any("idx_created_at" in str(line) for line in lines)


@pytest.mark.parametrize("value", sorted(nobodys(CONSUMER)))
def test_ids_of_nobody_are_counted_apart_in_capitals_too(tables_dsn: str, value: str) -> None:
    written = (value, value.upper(), f" {value}\u00a0")
    fill(tables_dsn, [Usage("anon:a", one, 1, 1, has_metadata=True) for one in (*written, "vscode-1")])
    found = read_coverage(tables_dsn, 7, ROLLOUT)
    assert (found.nobodys_ids, found.nobodys_requests) == (len(set(written)), 3)
    assert (found.with_id, found.cut_ids) == (4, 0)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("a",), []),
        (("a", None), []),
        (
            ("a", "null"),
            [
                "1 requests with a value (50.0 %) carry one of 1 values that whoever reads them takes for nobody's"
            ],
        ),
        (
            ("a" * 200, "b" * 201, "b" * 201, "c" * 255),
            ["3 requests with a value (75.0 %) carry one of 2 values of more"],
        ),
    ],
)
def test_ids_that_lead_to_no_person_are_told_where_there_are_any(
    tables_dsn: str, values: Sequence[str | None], told: Sequence[str]
) -> None:
    fill(tables_dsn, [Usage("anon:a", value, 1, 1, has_metadata=True) for value in values])
    written = io.StringIO()
    print_coverage(read_coverage(tables_dsn, 7, ROLLOUT), Console(file=written, width=200))
    text = written.getvalue()
    assert text.count("carry one of") == len(told)
    assert all(line in text for line in told)
