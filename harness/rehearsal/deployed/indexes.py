"""Indexes that cannot serve the look-up that they are for, and others that can although they are not as declared."""

# ruff: noqa: S608 -- the names are the plan's own

from typing import Final

from harness.rehearsal.deployed.model import C, Deployed, I, T

_PARTED: Final = (
    f"ALTER TABLE {T} RENAME TO unparted",
    f"ALTER INDEX {I} RENAME TO unparted_index",
    f"CREATE TABLE {T} (LIKE unparted INCLUDING DEFAULTS) PARTITION BY HASH (id)",
    f"CREATE TABLE {T}_0 PARTITION OF {T} FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
    f"CREATE TABLE {T}_1 PARTITION OF {T} FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
)


def _instead(name: str, summary: str, claim: str, definition: str) -> Deployed:
    create = f"CREATE INDEX {I} ON {T} {definition}"
    return Deployed(name, summary, claim, (f"DROP INDEX {I}", create))


def _unique(name: str, summary: str, keys: str) -> Deployed:
    create = f"CREATE UNIQUE INDEX {I} ON {T} {keys}"
    return Deployed(name, summary, "M4", (f"DELETE FROM {T}", f"DROP INDEX {I}", create))


def _everywhere(setting: str) -> str:
    return f"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {setting}', current_database()); END $$"


DEFECTS: Final = (
    _instead(
        "index-posix", "the index has another collation than the column", "M4", f'({C} COLLATE "POSIX")'
    ),
    _instead("index-c", "the index compares bytes, the column does not", "M4", f'({C} COLLATE "C")'),
    _instead(
        "index-prefixed", "the index has values of one prefix alone", "M4", f"({C}) WHERE {C} LIKE 'code-%'"
    ),
    _instead(
        "index-of-old-rows", "the index ends at a date", "M4", f"({C}) WHERE created_at < '2026-01-01Z'"
    ),
    _instead("index-on-lower", "the index is on the value in lower case", "M4", f"(lower({C}))"),
    _instead("index-beginning", "the index is on the first 32 characters", "M4", f"(left({C}, 32))"),
    _instead("index-second-key", "the column is the second key", "M4", f"(created_at, {C})"),
    _instead("index-brin", "the index only says in which blocks to look", "M4", f"USING brin ({C})"),
    _instead("index-beyond", "the index has values beyond a letter alone", "M4", f"({C}) WHERE {C} > 'A'"),
    _instead("index-but-one", "the index lacks one value", "M4", f"({C}) WHERE {C} <> 'x'"),
    _instead("index-not-empty", "the index lacks the empty text", "M4", f"({C}) WHERE {C} <> ''"),
    _unique(
        "index-unique-nulls",
        "the index refuses a value twice, and a second NULL",
        f"({C}) NULLS NOT DISTINCT",
    ),
    _unique("index-unique-instant", "the index refuses a value twice in an instant", f"({C}, created_at)"),
    _unique("index-unique-constant", "the index refuses a value twice by a constant", f"({C}, (1))"),
    _unique("index-unique-address", "the index refuses a value twice from one address", f"({C}, http_ip_id)"),
    Deployed(
        "index-missing-in-part",
        "a part of the table has no index",
        "M4",
        (
            *_PARTED,
            f"CREATE INDEX {I} ON ONLY {T} ({C})",
            f"CREATE INDEX {I}_0 ON {T}_0 ({C})",
            f"ALTER INDEX {I} ATTACH PARTITION {I}_0",
        ),
    ),
)
"""Each must be refuted by the claim about the index."""

HARMLESS: Final = (
    _instead("index-covering", "the index has another column with it", "", f"({C}) INCLUDE (created_at)"),
    _instead("index-descending", "the index is in descending order", "", f"({C} DESC)"),
    _instead("index-without-nulls", "the index leaves out NULLs", "", f"({C}) WHERE {C} IS NOT NULL"),
    _instead("index-fill-factor", "the index leaves room in its pages", "", f"({C}) WITH (fillfactor = 70)"),
    _instead("index-pattern", "the index also serves patterns", "", f"({C} text_pattern_ops)"),
    _instead("index-two-columns", "another column follows in the index", "", f"({C}, created_at)"),
    Deployed(
        "index-on-every-part",
        "the table is in parts, each with the index",
        "",
        (*_PARTED, f"CREATE INDEX {I} ON {T} ({C})"),
    ),
    Deployed(
        "index-second", "there is a second index", "", (f"CREATE INDEX second ON {T} ({C}, created_at)",)
    ),
    Deployed(
        "index-hash-beside",
        "a hash index is beside it",
        "",
        (f"CREATE INDEX second ON {T} USING hash ({C})",),
    ),
    Deployed(
        "index-partial-beside",
        "an index by time leaves out rows without a value",
        "",
        (f"CREATE INDEX second ON {T} (created_at) WHERE {C} IS NOT NULL",),
    ),
    Deployed(
        "index-posix-and-good",
        "the index cannot serve, and a second one can",
        "",
        (f"ALTER INDEX {I} RENAME TO second", f'CREATE INDEX {I} ON {T} ({C} COLLATE "POSIX")'),
    ),
    Deployed(
        "index-switched-off",
        "the database has index scans switched off",
        "",
        (_everywhere("enable_indexscan = off"), _everywhere("enable_bitmapscan = off")),
    ),
)
