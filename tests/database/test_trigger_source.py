"""What is read from the source of a trigger function, and what is not mistaken for it."""

import pytest

from harness.database.trigger_source import Source


def source(body: str) -> Source:
    return Source(f"BEGIN {body} END", "c")


@pytest.mark.parametrize(
    ("body", "assigned"),
    [
        ("NEW.c := lower(NEW.c); RETURN NEW;", ["lower(NEW.c)"]),
        ("NEW.c = NULL; RETURN NEW;", ["NULL"]),
        ('new."c" := 1;', ["1"]),
        ("IF NEW.c = 'x' THEN NULL; END IF;", []),
        ("IF a THEN NEW.c := 1; ELSE NEW.c := 2; END IF;", ["1", "2"]),
        ("SELECT upper(NEW.c) INTO STRICT NEW.c;", ["upper(NEW.c)"]),
        ("NEW := f(NEW);", [""]),
        ("SELECT * INTO NEW FROM x;", [""]),
        ("-- NEW.c := 1;\n /* ; NEW.c := 2; */ NULL;", []),
        ("RAISE NOTICE '; NEW.c := 1;';", []),
        ("RAISE NOTICE $x$; NEW.c := 1;$x$;", []),
        ("NEW.c2 := 1; NEW.cc := 2;", []),
        ("OLD.c := 1;", []),
    ],
)
def test_assignments(body: str, assigned: list[str]) -> None:
    assert [value for _, value in source(body).assignments] == assigned


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        ("NEW.c := 1;", True),
        ("IF a THEN NULL; END IF; NEW.c := 1;", True),
        ("IF a THEN NEW.c := 1; END IF;", False),
        ("IF a THEN RETURN NEW; END IF; NEW.c := 1;", False),
        ("LOOP NEW.c := 1; END LOOP;", False),
        ("x := CASE WHEN a THEN 1 END; NEW.c := 1;", False),
    ],
)
def test_an_assignment_is_certain_where_no_branch_passes_it_by(body: str, certain: bool) -> None:
    assert bool(source(body).certain) is certain


@pytest.mark.parametrize(
    ("body", "others"),
    [
        ("NEW.c := lower(NEW.c); RETURN NEW;", False),
        ("NEW.updated_at := now(); RETURN NEW;", False),
        ("IF OLD.c = NEW.c THEN NULL; END IF;", False),
        ("IF NEW.streamed THEN NULL; END IF;", True),
        ("IF NEW IS DISTINCT FROM OLD THEN NULL; END IF;", True),
        ("NEW.x := NEW.y;", True),
        ("IF current_user = 'app' THEN NULL; END IF;", True),
        ("IF NEW.x = 1 THEN NULL; END IF;", True),
    ],
)
def test_what_else_it_may_depend_on(body: str, others: bool) -> None:
    assert source(body).reads_others is others


@pytest.mark.parametrize(
    ("body", "computes"),
    [
        ("NEW.c := lower(NEW.c);", True),
        ("RAISE DEBUG 'DELETE FROM t';", True),
        ("EXECUTE 'x';", False),
        ("PERFORM f();", False),
        ("x := (SELECT 1 FROM t);", False),
        ("DELETE FROM t;", False),
        ("SET ROLE other;", False),
    ],
)
def test_what_only_computes(body: str, computes: bool) -> None:
    assert source(body).computes is computes


def test_calls_are_named_without_key_words() -> None:
    assert source("IF (a) AND coalesce(b) THEN x := pg_catalog.lower(s.f (y)); END IF;").calls == (
        "pg_catalog.lower",
        "s.f",
    )


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ("UPDATE t SET c = NULL WHERE c = NEW.c;", ("UPDATE t SET c = NULL WHERE c = NEW.c", True)),
        ("DELETE FROM ONLY public.t WHERE x;", ("DELETE FROM ONLY public.t WHERE x", False)),
        (
            "UPDATE t SET d = (SELECT 1 FROM u), c = NEW.d;",
            ("UPDATE t SET d = (SELECT 1 FROM u), c = NEW.d", True),
        ),
        ("UPDATE t SET c = NEW.c WHERE d;", ("UPDATE t SET c = NEW.c WHERE d", False)),
        ("UPDATE t SET (d, c) = (1, 2);", ("UPDATE t SET (d, c) = (1, 2)", False)),
        ("UPDATE t SET d = 1 WHERE c = NEW.c;", None),
        ("UPDATE t SET d = 1 FROM u WHERE u.c = t.c RETURNING c;", None),
        ("UPDATE t SET d = 1;", None),
        ("UPDATE t2 SET c = 1;", None),
        ("RAISE 'DELETE FROM t';", None),
        ("MERGE INTO t USING u ON t.c = u.c WHEN MATCHED THEN UPDATE SET d = 1;", None),
        ("TRUNCATE TABLE u, t;", ("TRUNCATE TABLE u, t", True)),
        ("IF x THEN TRUNCATE t; END IF;", ("TRUNCATE t", False)),
    ],
)
def test_what_it_writes_to_a_table(body: str, written: tuple[str, bool] | None) -> None:
    assert source(body).writes("t", "c") == written


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ("INSERT INTO b (d, c) VALUES (f(1, 2), lower(NEW.c));", "lower(NEW.c)"),
        ("INSERT INTO b (d) VALUES (1);", "NULL"),
        ("INSERT INTO b VALUES (NEW.*);", ""),
        ("IF x THEN INSERT INTO b (c) VALUES (NEW.d); END IF;", ""),
        ("INSERT INTO b (c) VALUES (NEW.c); INSERT INTO b (c) VALUES (NEW.d);", ""),
    ],
)
def test_what_an_insert_puts_into_the_column(body: str, stored: str) -> None:
    assert source(body).inserted == stored


@pytest.mark.parametrize(
    ("body", "raises"), [("RAISE 'x';", True), ("RAISE EXCEPTION 'x';", True), ("RAISE NOTICE 'x';", False)]
)
def test_what_it_raises(body: str, raises: bool) -> None:
    assert source(body).raises is raises


def test_literals_stand_again_as_they_were() -> None:
    text = r"x := 'it''s' || E'\'' || $q$ 'a' $q$ || '--';"
    assert Source(text, "c").whole(Source(text, "c").code) == text
