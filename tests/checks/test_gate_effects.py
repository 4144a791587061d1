"""The claim about the column is refuted for what surely harms a value; the rest is noted. Nothing is left behind."""

from collections.abc import Iterator

import pytest
from psycopg import sql

from harness import plan
from harness.checks.gate_schema import values_are_left_as_they_are
from harness.checks.registry import run_check
from harness.database.declared import plan_store
from harness.database.drift import remarks
from harness.database.effects.constraints import conjuncts
from harness.database.effects.model import Certainty, Effect, describe_outcomes, harms
from harness.database.runners import connect
from harness.database.value_outcome import ValueOutcome
from harness.run.gate_claims import claims_of
from harness.run.options.schema import SchemaOptions
from harness.run.schema import check_schema
from harness.verdict import Judgement, Results, Status
from tests.differences import differences_of, effects_of
from tests.fix_database import change

T, C = plan.METADATA_TABLE, plan.COLUMN
READER = "reader_of_nothing"


def judged(dsn: str) -> Judgement:
    results = Results(claims_of("after"))
    results.observed("M3")
    with connect(dsn) as connection, connection.transaction():
        connection.execute("SET LOCAL transaction_read_only = on")
        run_check(results, values_are_left_as_they_are, effects_of(connection), plan_store())
    return next(one for one in results.judgements() if one.claim.id == "M3")


@pytest.fixture
def reader(ready_dsn: str) -> Iterator[str]:
    """A role that may connect and no more, as the one whose rights count."""
    change(ready_dsn, f"CREATE ROLE {READER}")
    yield READER
    change(ready_dsn, f"DROP OWNED BY {READER}", f"DROP ROLE {READER}")


def test_a_finding_names_the_shortest_values_and_what_to_do(ready_dsn: str) -> None:
    change(ready_dsn, f"ALTER TABLE {T} ADD CONSTRAINT short CHECK (length({C}) <= 64)")
    found = judged(ready_dsn)
    assert found.status is Status.REFUTED
    assert "refuses 7 of 37 sample values" in found.findings[0].effect
    assert "(65 bytes)" in found.findings[0].effect
    assert f'ALTER TABLE "{T}" DROP CONSTRAINT "short";' in found.findings[0].workaround


def test_what_the_catalogue_does_not_show_is_noted(ready_dsn: str) -> None:
    body = f"IF NEW.is_byok THEN NEW.{C} := NULL; END IF; RETURN NEW;"
    change(
        ready_dsn,
        f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
        f"CREATE TRIGGER t BEFORE INSERT ON {T} FOR EACH ROW EXECUTE FUNCTION f()",
    )
    found = judged(ready_dsn)
    assert found.status is Status.PROVEN
    assert "what it does is seen by the requests" in found.detail


def test_emails_are_masked(ready_dsn: str) -> None:
    change(ready_dsn, f"ALTER TABLE {T} ADD CHECK ({C} <> 'root@example.com' AND {C} !~ '@')")
    text = str(judged(ready_dsn).findings)
    assert "example.com" not in text
    assert "***@***" in text


def test_a_role_without_rights_sees_the_same(ready_dsn: str, reader: str) -> None:
    change(
        ready_dsn,
        f"ALTER TABLE {T} ADD CHECK (length({C}) <= 64)",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN NEW.{C} := lower(NEW.{C}); RETURN NEW; END $$",
        f"CREATE TRIGGER t BEFORE INSERT ON {T} FOR EACH ROW EXECUTE FUNCTION f()",
        f"ALTER TABLE {T} RENAME TO stored_rows",
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows WHERE length({C}) < 100",
    )
    with connect(ready_dsn) as connection:
        as_owner = effects_of(connection)
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(reader)))
        assert effects_of(connection) == as_owner
    assert as_owner


def test_a_function_that_writes_leaves_nothing(ready_dsn: str) -> None:
    change(
        ready_dsn,
        "CREATE TABLE log (v text)",
        "CREATE FUNCTION logged(v text) RETURNS boolean LANGUAGE sql AS "
        "$$ INSERT INTO log VALUES (v) RETURNING true $$",
        f"ALTER TABLE {T} ADD CHECK (logged({C})) NOT VALID",
    )
    assert "read-only transaction" in judged(ready_dsn).detail
    with connect(ready_dsn) as connection:
        assert effects_of(connection)
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (0,)
        assert connection.execute("SHOW transaction_read_only").fetchone() == ("off",)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert connection.execute("SELECT current_setting('harness.trial', true)").fetchone() in [
            (None,),
            ("",),
        ]


def test_what_a_partition_has_of_its_own_counts(ready_dsn: str) -> None:
    change(
        ready_dsn,
        f"DROP TABLE {T} CASCADE",
        f"CREATE TABLE {T} (id uuid, created_at timestamptz, message_id text, {C} text) PARTITION BY LIST (message_id)",
        f"CREATE TABLE rest PARTITION OF {T} DEFAULT",
        f"ALTER TABLE rest ADD CONSTRAINT short CHECK (length({C}) <= 64)",
    )
    assert "constraint short of rest" in judged(ready_dsn).findings[0].effect


def test_a_unique_index_in_parts_is_dropped_at_once(ready_dsn: str) -> None:
    change(
        ready_dsn,
        f"DROP TABLE {T} CASCADE",
        f"CREATE TABLE {T} (id uuid, created_at timestamptz, message_id text, {C} text) PARTITION BY HASH ({C})",
        f"CREATE TABLE part PARTITION OF {T} FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        f"CREATE UNIQUE INDEX once ON {T} ({C}) NULLS NOT DISTINCT",
    )
    with connect(ready_dsn) as connection:
        (effect,) = [one for one in effects_of(connection) if one.certainty is Certainty.CERTAIN]
        assert effect.does.endswith("; and the second row without one")
        assert effect.remedy == ('DROP INDEX "once";',)
        connection.execute(effect.remedy[0].encode())


def test_remarks_are_no_differences(ready_dsn: str) -> None:
    change(ready_dsn, f"ALTER TABLE {T} ADD CONSTRAINT status CHECK (status_code > 99)")
    lines: list[str] = []
    assert check_schema(SchemaOptions(ready_dsn), lines.append) == 0
    assert lines[0].startswith("no difference: constraint status of")
    with connect(ready_dsn) as connection:
        assert differences_of(connection) == ()
        assert len(remarks(effects_of(connection))) == 1


def test_a_difference_says_what_it_does_in_one_line(ready_dsn: str) -> None:
    change(ready_dsn, f"CREATE RULE gone AS ON INSERT TO {T}\nDO INSTEAD NOTHING")
    lines: list[str] = []
    assert check_schema(SchemaOptions(ready_dsn), lines.append) == 1
    assert f'every row is lost; DROP RULE "gone" ON "{T}";' in lines[0]
    assert "\n" not in lines[0]


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("((a > 1) AND (b < 2))", ("(a > 1)", "(b < 2)")),
        ("((a ~ ' AND '::text) AND (b))", ("(a ~ ' AND '::text)", "(b)")),
        ("((a AND b) OR c)", ("((a AND b) OR c)",)),
        ("(a) AND (b)", ("(a) AND (b)",)),
        ("(length(c) < 3)", ("(length(c) < 3)",)),
    ],
)
def test_the_parts_of_an_and(expression: str, parts: tuple[str, ...]) -> None:
    assert conjuncts(expression) == parts


def test_words_for_what_becomes_of_values() -> None:
    kept, null = ValueOutcome("a", "a"), ValueOutcome(None, None)
    assert not harms([kept, null])
    assert describe_outcomes([kept, null]) == "leaves all 2 sample values as they are"
    assert describe_outcomes([ValueOutcome(None, "x"), kept]) == 'gives "x" where NULL belongs'
    assert describe_outcomes([ValueOutcome(None, None, "no"), kept]) == "refuses NULL (no)"
    assert (
        describe_outcomes([ValueOutcome("bb", "b"), kept])
        == 'changes 1 of 2 sample values, for example "bb" into "b"'
    )
    refused = [ValueOutcome("ccc", None, "no"), ValueOutcome("bb", None, "nay"), kept]
    assert (
        describe_outcomes(refused, verb="loses")
        == 'loses 2 of 3 sample values, for example "bb" and "ccc" (nay)'
    )


@pytest.mark.parametrize(
    ("certainty", "on_column", "differs"),
    [(Certainty.NONE, False, False), (Certainty.NONE, True, True), (Certainty.OPEN, False, True)],
)
def test_what_counts_as_a_difference(certainty: Certainty, on_column: bool, differs: bool) -> None:
    assert Effect("s", "f", "d", certainty, on_column=on_column).differs is differs
