"""What may stand in place of the rollout's index."""

from tests.foreign.entry import Entry, Kind

INDEX: Kind = "index"
NAME = "idx_microdollar_usage_metadata_posthog_distinct_id"
TABLE = "microdollar_usage_metadata"
COLUMN = "posthog_distinct_id"


def _instead(definition: str) -> str:
    return f"DROP INDEX {NAME};\n{definition};\n"


def _fault(name: str, sentence: str, sql: str) -> Entry:
    return Entry(name, INDEX, "sql", True, sentence, sql=sql)


def _harmless(name: str, sentence: str, sql: str) -> Entry:
    return Entry(name, INDEX, "sql", False, sentence, sql=sql)


ENTRIES: tuple[Entry, ...] = (
    _fault(
        "index-other-collation",
        "The index has another collation than the column, so that equality on the column can't use it.",
        _instead(f'CREATE INDEX {NAME} ON {TABLE} ({COLUMN} COLLATE "POSIX")'),
    ),
    _fault(
        "index-of-extension-values-only",
        "The index holds only values that begin with vscode-.",
        _instead(f"CREATE INDEX {NAME} ON {TABLE} ({COLUMN}) WHERE {COLUMN} LIKE 'vscode-%'"),
    ),
    _fault(
        "index-of-old-rows-only",
        "The index holds only rows from before a fixed day.",
        _instead(f"CREATE INDEX {NAME} ON {TABLE} ({COLUMN}) WHERE created_at < '2026-01-01Z'"),
    ),
    _fault(
        "index-on-lower-case",
        "The index is on the value in lower case.",
        _instead(f"CREATE INDEX {NAME} ON {TABLE} (lower({COLUMN}))"),
    ),
    _fault(
        "index-on-first-characters",
        "The index is on the first 32 characters of the value.",
        _instead(f"CREATE INDEX {NAME} ON {TABLE} (left({COLUMN}, 32))"),
    ),
    _fault(
        "index-unique",
        "The index is unique, so that a second row with the same value is lost.",
        _instead(f"CREATE UNIQUE INDEX {NAME} ON {TABLE} ({COLUMN})"),
    ),
    _fault(
        "index-unique-nulls-not-distinct",
        "The index is unique and takes NULLs as equal, so that a second row without a value is lost.",
        _instead(f"CREATE UNIQUE INDEX {NAME} ON {TABLE} ({COLUMN}) NULLS NOT DISTINCT"),
    ),
    _fault(
        "index-left-invalid",
        "The concurrent build was broken off: the index is there and invalid.",
        f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{NAME}'::regclass;",
    ),
    _fault(
        "index-led-by-time",
        "The index begins with created_at, so that a look-up by value reads all of it.",
        _instead(f"CREATE INDEX {NAME} ON {TABLE} (created_at, {COLUMN})"),
    ),
    _fault(
        "index-on-another-column",
        "The index has the right name and is on message_id.",
        _instead(f"CREATE INDEX {NAME} ON {TABLE} (message_id)"),
    ),
    _fault(
        "index-summarising",
        "The index is a BRIN index: a look-up by value reads whole ranges of the table.",
        _instead(f"CREATE INDEX {NAME} ON {TABLE} USING brin ({COLUMN})"),
    ),
    _harmless(
        "harmless-index-covering",
        "The index carries created_at too, outside of its key.",
        _instead(f"CREATE INDEX {NAME} ON {TABLE} ({COLUMN}) INCLUDE (created_at)"),
    ),
    _harmless(
        "harmless-index-descending",
        "The index is in descending order.",
        _instead(f"CREATE INDEX {NAME} ON {TABLE} ({COLUMN} DESC NULLS LAST)"),
    ),
    _harmless(
        "harmless-index-without-nulls",
        "The index leaves out NULLs, which no look-up by a value can mean.",
        _instead(f"CREATE INDEX {NAME} ON {TABLE} ({COLUMN}) WHERE {COLUMN} IS NOT NULL"),
    ),
    _harmless(
        "harmless-index-filled-less",
        "The index has a lower fill factor, and does not merge equal keys.",
        _instead(
            f"CREATE INDEX {NAME} ON {TABLE} ({COLUMN}) WITH (fillfactor = 70, deduplicate_items = off)"
        ),
    ),
    _harmless(
        "harmless-index-of-patterns",
        "The index has the operator class for patterns, which serves equality as well.",
        _instead(f"CREATE INDEX {NAME} ON {TABLE} ({COLUMN} text_pattern_ops)"),
    ),
    _harmless(
        "harmless-index-beside",
        "A second index on value and time stands beside the rollout's.",
        f"CREATE INDEX idx_metadata_value_and_time ON {TABLE} ({COLUMN}, created_at);",
    ),
)
