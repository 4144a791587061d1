"""Databases that refuse, change or lose what a request writes, each for the claim meant for it, and harmless ones."""
# ruff: noqa: S608 -- the names are the plan's own

from typing import Final

from harness.database.declared import plan_store
from harness.rehearsal.deployed import triggers
from harness.rehearsal.deployed.model import C, I, K, L, T, U, fault, harmless


def _parted(by: str, *parts: str) -> tuple[str, ...]:
    """The table in parts, with the same columns and indexes; `parts` are the ends of CREATE TABLE ... PARTITION OF."""
    return (
        f"CREATE TABLE unparted (LIKE {T} INCLUDING DEFAULTS)",
        f"DROP TABLE {T} CASCADE",
        f"CREATE TABLE {T} (LIKE unparted INCLUDING DEFAULTS) PARTITION BY {by}",
        *(f"CREATE TABLE {T}_{number} PARTITION OF {T} {part}" for number, part in enumerate(parts)),
        *(f"CREATE INDEX {name} ON {T} ({column})" for name, column in plan_store().indexes.items()),
    )


_CONSTRAINTS: Final = (
    fault("check-length", "a CHECK allows 64 characters", f"ALTER TABLE {T} ADD CHECK (length({C}) <= 64)"),
    fault(
        "check-not-valid",
        "a CHECK that was never validated allows 128 characters",
        f"ALTER TABLE {T} ADD CHECK (length({C}) < 129) NOT VALID",
    ),
    fault(
        "check-regex",
        "a CHECK allows what the header rule allows, and so refuses e-mails",
        f"ALTER TABLE {T} ADD CHECK ({C} ~ '^[A-Za-z0-9_-]+$')",
    ),
    fault("check-present", "a CHECK refuses NULL", f"ALTER TABLE {T} ADD CHECK ({C} IS NOT NULL) NOT VALID"),
    fault(
        "check-and-more",
        "a CHECK that looks at another column, too, allows lower case alone",
        f"ALTER TABLE {T} ADD CHECK ({C} = lower({C}) AND status_code >= 100) NOT VALID",
    ),
    fault(
        "check-of-user",
        "a CHECK on the usage table allows IPv4 addresses alone",
        f"ALTER TABLE {U} ADD CHECK ({K} !~ '^anon:.*:') NOT VALID",
    ),
)
_TYPES: Final = (
    fault(
        "domain-lower-case",
        "the type is a domain without upper case",
        "CREATE DOMAIN header_value AS text CHECK (VALUE ~ '^[a-z0-9_.@-]+$')",
        f"ALTER TABLE {T} ALTER {C} TYPE header_value",
    ),
    fault(
        "domain-short",
        "the type is a domain over varchar(64)",
        "CREATE DOMAIN header_value AS varchar(64)",
        f"ALTER TABLE {T} ALTER {C} TYPE header_value",
    ),
    fault(
        "domain-default",
        "the type is a domain with a default",
        "CREATE DOMAIN header_value AS text DEFAULT 'none'",
        f"ALTER TABLE {T} ALTER {C} TYPE header_value",
    ),
    fault("padded", "the type pads values", f"ALTER TABLE {T} ALTER {C} TYPE character({L})"),
    fault("default", "the column has a default", f"ALTER TABLE {T} ALTER {C} SET DEFAULT 'unknown'"),
    fault(
        "generated",
        "the column is generated from another",
        f"ALTER TABLE {T} DROP COLUMN {C}",
        f"ALTER TABLE {T} ADD COLUMN {C} text GENERATED ALWAYS AS (lower(message_id)) STORED",
        f"CREATE INDEX {I} ON {T} ({C})",
    ),
    fault(
        "generated-from",
        "a column is generated from the value, and fails on what is no number",
        f"ALTER TABLE {T} ADD COLUMN as_number numeric GENERATED ALWAYS AS ({C}::numeric) STORED",
    ),
)
_RULES: Final = (
    fault(
        "rule-nothing", "a rule takes rows away", f"CREATE RULE gone AS ON INSERT TO {T} DO INSTEAD NOTHING"
    ),
    fault(
        "rule-long",
        "a rule takes rows with a long value away",
        f"CREATE RULE gone AS ON INSERT TO {T} WHERE length(NEW.{C}) > 100 DO INSTEAD NOTHING",
    ),
    fault(
        "rule-elsewhere",
        "a rule writes rows elsewhere",
        f"CREATE TABLE other_rows (LIKE {T})",
        f"CREATE RULE elsewhere AS ON INSERT TO {T} DO INSTEAD INSERT INTO other_rows VALUES (NEW.*)",
    ),
    fault(
        "rule-usage", "a rule takes usage away", f"CREATE RULE gone AS ON INSERT TO {U} DO INSTEAD NOTHING"
    ),
)
_KEYS: Final = (
    fault("unique-beside", "a second index is unique", f"CREATE UNIQUE INDEX one_value ON {T} ({C})"),
    fault("unique-constraint", "values are unique", f"ALTER TABLE {T} ADD UNIQUE ({C})"),
    fault(
        "unique-expression",
        "a unique index ignores case, and e-mails",
        f"CREATE UNIQUE INDEX one_value ON {T} (lower({C})) WHERE {C} NOT LIKE '%@%'",
    ),
    fault(
        "unique-in-an-instant",
        "a unique index refuses the second row of one value in the same instant",
        f"CREATE UNIQUE INDEX one_value ON {T} ({C}, created_at)",
    ),
    fault(
        "unique-with-constant",
        "a unique index has a constant as its second key",
        f"CREATE UNIQUE INDEX one_value ON {T} ({C}, (1))",
    ),
    fault(
        "unique-at-all",
        "a unique index lets one row have a value, whichever",
        f"CREATE UNIQUE INDEX one_value ON {T} ((1)) WHERE {C} IS NOT NULL",
    ),
    fault(
        "index-fails",
        "an index's expression fails on what is no UUID",
        f"CREATE INDEX as_uuid ON {T} ((({C})::uuid))",
    ),
    fault(
        "reference",
        "values refer to a table of persons",
        "CREATE TABLE persons (name text PRIMARY KEY)",
        f"ALTER TABLE {T} ADD FOREIGN KEY ({C}) REFERENCES persons",
    ),
    fault(
        "reference-not-valid",
        "values refer to a table of persons, unchecked for old rows",
        "CREATE TABLE persons (name text PRIMARY KEY)",
        f"ALTER TABLE {T} ADD FOREIGN KEY ({C}) REFERENCES persons NOT VALID",
    ),
    fault(
        "reference-of-user",
        "usage refers to users, of whom none is anonymous",
        "CREATE TABLE accounts (id text PRIMARY KEY)",
        f"ALTER TABLE {U} ADD FOREIGN KEY ({K}) REFERENCES accounts NOT VALID",
    ),
)
_PLACES: Final = (
    fault(
        "view-filters",
        "a view in the table's place leaves out long values",
        f"ALTER TABLE {T} RENAME TO stored_rows",
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows WHERE {C} IS NULL OR length({C}) <= 64",
    ),
    fault(
        "view-lowers",
        "a view in the table's place shows values in lower case",
        f"ALTER TABLE {T} RENAME COLUMN {C} TO raw_value",
        f"ALTER TABLE {T} RENAME TO stored_rows",
        f"CREATE VIEW {T} AS SELECT *, lower(raw_value) AS {C} FROM stored_rows",
    ),
    fault(
        "view-grouped",
        "a view in the table's place takes no INSERT",
        f"ALTER TABLE {T} RENAME TO stored_rows",
        f"CREATE VIEW {T} AS SELECT DISTINCT * FROM stored_rows",
    ),
    fault(
        "partitions-by-value",
        "the table is partitioned by value, and no partition takes most",
        *_parted(f"LIST ({C})", "FOR VALUES IN (NULL)", "FOR VALUES IN ('a', 'b')"),
    ),
    fault(
        "partitions-of-the-past",
        "the table is partitioned by time, and its last partition is of the past",
        *_parted("RANGE (created_at)", "FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')"),
    ),
)
DEFECTS: Final = (*_CONSTRAINTS, *triggers.DEFECTS, *_TYPES, *_RULES, *_KEYS, *_PLACES)

HARMLESS: Final = (
    *triggers.HARMLESS,
    harmless(
        "check-elsewhere",
        "a CHECK on another column",
        f"ALTER TABLE {T} ADD CHECK (status_code BETWEEN 100 AND 599)",
    ),
    harmless(
        "check-all-valid", f"a CHECK allows {L} characters", f"ALTER TABLE {T} ADD CHECK (length({C}) <= {L})"
    ),
    harmless(
        "reference-elsewhere",
        "another column has a foreign key",
        f"ALTER TABLE {T} ADD FOREIGN KEY (editor_name_id) REFERENCES editor_name",
    ),
    harmless(
        "unique-with-key",
        "a unique index holds the primary key, too",
        f"CREATE UNIQUE INDEX covering ON {T} ({C}, id)",
    ),
    harmless(
        "unique-with-message",
        "a unique index holds the id of the reply, too",
        f"CREATE UNIQUE INDEX one_reply ON {T} ({C}, message_id)",
    ),
    harmless(
        "index-lower", "an index over the value in lower case", f"CREATE INDEX lowered ON {T} (lower({C}))"
    ),
    harmless(
        "partitions-with-default",
        "the table is partitioned by time, with a default partition",
        *_parted("RANGE (created_at)", "FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')", "DEFAULT"),
    ),
    harmless(
        "partitions-by-id",
        "the table is partitioned by id",
        *_parted(
            "HASH (id)",
            "FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
            "FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
        ),
    ),
    harmless(
        "audit-rule",
        "a rule copies ids into an audit table",
        "CREATE TABLE audit (at timestamptz DEFAULT now(), id uuid)",
        f"CREATE RULE audit AS ON INSERT TO {T} DO ALSO INSERT INTO audit (id) VALUES (NEW.id)",
    ),
    harmless(
        "check-of-usage",
        "CHECKs on usage that every row meets",
        f"ALTER TABLE {U} ADD CHECK (cost >= 0 AND input_tokens >= 0), ADD CHECK ({K} <> '')",
    ),
    harmless("heir", "another table inherits", f"CREATE TABLE old_rows () INHERITS ({T})"),
)
