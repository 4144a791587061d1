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
        ("UPDATE t SET c = NULL WHERE c = NEW.c;", "UPDATE t SET c = NULL WHERE c = NEW.c"),
        ("DELETE FROM ONLY public.t WHERE x;", "DELETE FROM ONLY public.t WHERE x"),
        ("UPDATE t SET d = 1;", ""),
        ("UPDATE t2 SET c = 1;", ""),
        ("RAISE 'DELETE FROM t';", ""),
    ],
)
def test_what_it_writes_to_a_table(body: str, written: str) -> None:
    assert source(body).writes("t") == written


@pytest.mark.parametrize(
    ("body", "raises"), [("RAISE 'x';", True), ("RAISE EXCEPTION 'x';", True), ("RAISE NOTICE 'x';", False)]
)
def test_what_it_raises(body: str, raises: bool) -> None:
    assert source(body).raises is raises


def test_literals_stand_again_as_they_were() -> None:
    text = r"x := 'it''s' || E'\'' || $q$ 'a' $q$ || '--';"
    assert Source(text, "c").whole(Source(text, "c").code) == text
