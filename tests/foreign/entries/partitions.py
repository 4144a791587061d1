"""The metadata table in parts."""

from pathlib import Path

TABLE = "microdollar_usage_metadata"
COLUMN = "posthog_distinct_id"
INDEX = "idx_microdollar_usage_metadata_posthog_distinct_id"
VIEW = (Path(__file__).parents[1] / "sql" / "view.sql").read_text(encoding="utf-8")

_IN_PARTS = f"""
DROP VIEW microdollar_usage_view;
ALTER TABLE {TABLE} RENAME TO unparted;
ALTER INDEX {INDEX} RENAME TO unparted_value;
ALTER INDEX idx_{TABLE}_created_at RENAME TO unparted_created_at;
CREATE TABLE {TABLE} (LIKE unparted INCLUDING DEFAULTS, PRIMARY KEY (id)) PARTITION BY HASH (id);
CREATE TABLE {TABLE}_0 PARTITION OF {TABLE} FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE {TABLE}_1 PARTITION OF {TABLE} FOR VALUES WITH (MODULUS 2, REMAINDER 1);
DROP TABLE unparted;
CREATE INDEX idx_{TABLE}_created_at ON {TABLE} (created_at);
{VIEW}
"""

INDEXED_PARTS = f"""{_IN_PARTS}
CREATE INDEX {INDEX} ON {TABLE} ({COLUMN});
"""

FORGOTTEN_PART = f"""{_IN_PARTS}
CREATE INDEX {INDEX} ON ONLY {TABLE} ({COLUMN});
CREATE INDEX {INDEX}_0 ON {TABLE}_0 ({COLUMN});
ALTER INDEX {INDEX} ATTACH PARTITION {INDEX}_0;
"""
