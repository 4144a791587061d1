"""What the files of SQL steps leave, read from their text; and how far a database is by them."""

import pytest

from harness.database.step_facts import Fact, FactKind, facts_of


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("ALTER TABLE t ADD COLUMN c text;", (Fact(FactKind.COLUMN, "t", "c"),)),
        ("SET lock_timeout = '2s';\nALTER TABLE ONLY public.T ADD C text;", (Fact(FactKind.COLUMN, "t", "c"),)),
        (
            'ALTER TABLE "My" ADD COLUMN IF NOT EXISTS "Der Wert" numeric(10, 2), ADD b int;',
            (Fact(FactKind.COLUMN, "My", "Der Wert"), Fact(FactKind.COLUMN, "My", "b")),
        ),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (c);", (Fact(FactKind.INDEX, "", "i"),)),
        ("CREATE TABLE IF NOT EXISTS words (id serial, word text);", (Fact(FactKind.TABLE, "", "words"),)),
        (
            "ALTER TABLE t ADD CONSTRAINT k CHECK (c IS NOT NULL) NOT VALID;\nALTER TABLE t VALIDATE CONSTRAINT k;",
            (Fact(FactKind.CONSTRAINT, "t", "k"), Fact(FactKind.VALIDATED, "t", "k")),
        ),
        (
            "ALTER TABLE t ALTER c SET NOT NULL;\nALTER TABLE t DROP CONSTRAINT IF EXISTS k;",
            (Fact(FactKind.NOT_NULL, "t", "c"), Fact(FactKind.CONSTRAINT, "t", "k", is_there=False)),
        ),
        ("CREATE INDEX i ON t (c);\nDROP INDEX i;", (Fact(FactKind.INDEX, "", "i", is_there=False),)),
        ("-- ALTER TABLE t ADD COLUMN c text;\nUPDATE t SET c = 'ALTER TABLE t ADD d int';", ()),
        ("ALTER TABLE t ADD PRIMARY KEY (c), OWNER TO me;", ()),
    ],
    ids=[
        "column", "only", "quoted", "index", "table", "validated", "mandatory", "made and dropped", "rows", "unknown",
    ],
)  # fmt: skip
def test_facts_are_read_from_the_statements(text: str, facts: tuple[Fact, ...]) -> None:
    assert facts_of(text) == facts
