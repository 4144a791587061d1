"""What the tables may do to the rows that are written."""

from tests.foreign.entries.partitions import FORGOTTEN_PART, INDEXED_PARTS
from tests.foreign.entries.triggers import before_insert
from tests.foreign.entry import Entry, Kind

SCHEMA: Kind = "schema"
TABLE = "microdollar_usage_metadata"
COLUMN = "posthog_distinct_id"


def _fault(name: str, sentence: str, sql: str, build: str = "plain") -> Entry:
    return Entry(name, SCHEMA, "sql", True, sentence, sql=sql, build=build)


def _harmless(name: str, sentence: str, sql: str) -> Entry:
    return Entry(name, SCHEMA, "sql", False, sentence, sql=sql)


PERSONS = f"""
CREATE TABLE posthog_person (distinct_id text PRIMARY KEY);
INSERT INTO posthog_person SELECT google_user_email FROM kilocode_users;
INSERT INTO posthog_person VALUES ('vscode-d63f6f95dd8733f0');
ALTER TABLE {TABLE} ADD FOREIGN KEY ({COLUMN}) REFERENCES posthog_person;
"""

VIEW_IN_PLACE = f"""
ALTER TABLE {TABLE} RENAME TO microdollar_usage_metadata_data;
CREATE VIEW {TABLE} AS SELECT * FROM microdollar_usage_metadata_data;
CREATE FUNCTION insert_metadata() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.{COLUMN} := left(NEW.{COLUMN}, 100);
    INSERT INTO microdollar_usage_metadata_data SELECT NEW.*;
    RETURN NEW;
END $$;
CREATE TRIGGER insert_metadata INSTEAD OF INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION insert_metadata();
"""

ONCE_A_VALUE = f"""
CREATE FUNCTION keep_newest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE {TABLE} SET {COLUMN} = NULL WHERE {COLUMN} = NEW.{COLUMN} AND id <> NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_newest AFTER INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION keep_newest();
"""

AUDIT = f"""
CREATE TABLE metadata_audit (at timestamptz NOT NULL DEFAULT now(), id uuid NOT NULL, streamed boolean);
CREATE FUNCTION audit_metadata() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metadata_audit (id, streamed) VALUES (NEW.id, NEW.streamed);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_metadata AFTER INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION audit_metadata();
"""

ENTRIES: tuple[Entry, ...] = (
    _fault(
        "schema-check-of-length",
        "A check that was never validated allows 64 characters: rows with longer values are lost.",
        f"ALTER TABLE {TABLE} ADD CHECK (length({COLUMN}) <= 64) NOT VALID;",
    ),
    _fault(
        "schema-domain-of-lower-case",
        "The column's type is a domain without upper case: rows with it are lost.",
        f"""CREATE DOMAIN distinct_id AS text CHECK (VALUE ~ '^[a-z0-9_.@-]+$');
        ALTER TABLE {TABLE} ALTER {COLUMN} TYPE distinct_id;""",
    ),
    _fault(
        "schema-varchar-128",
        "The column is varchar(128): rows with longer values are lost.",
        f"ALTER TABLE {TABLE} ALTER {COLUMN} TYPE varchar(128);",
    ),
    _fault(
        "schema-padded-character-type",
        "The column is char(255), which pads each value with blanks.",
        f"ALTER TABLE {TABLE} ALTER {COLUMN} TYPE character(255);",
    ),
    _fault(
        "schema-trigger-lowers",
        "A trigger turns each value into lower case.",
        before_insert("lower_value", f"NEW.{COLUMN} := lower(NEW.{COLUMN});"),
    ),
    _fault(
        "schema-trigger-strips-emails",
        "A trigger clears whatever has an at sign in it: the signed-in user's e-mail is lost.",
        before_insert("strip_email", f"IF NEW.{COLUMN} LIKE '%@%' THEN NEW.{COLUMN} := NULL; END IF;"),
    ),
    _fault(
        "schema-trigger-fills-null",
        "A trigger writes an empty text where there is no value.",
        before_insert("fill_value", f"NEW.{COLUMN} := coalesce(NEW.{COLUMN}, '');"),
    ),
    _fault(
        "schema-trigger-cuts-trailing-hyphens",
        "A trigger cuts hyphens off the end of a value.",
        before_insert("trim_value", f"NEW.{COLUMN} := rtrim(NEW.{COLUMN}, '-');"),
    ),
    _fault(
        "schema-trigger-skips-repeated-caller",
        "A trigger drops metadata whose value was stored for another address within the hour, and usage stays.",
        before_insert(
            "skip_repeated",
            f"""IF NEW.{COLUMN} NOT LIKE '%@%' AND EXISTS (
                SELECT FROM {TABLE} WHERE {COLUMN} = NEW.{COLUMN} AND http_ip_id <> NEW.http_ip_id
                AND created_at > now() - interval '1 hour') THEN RETURN NULL; END IF;""",
        ),
    ),
    _fault(
        "schema-trigger-keeps-newest",
        "A trigger clears a value from earlier rows that have it.",
        ONCE_A_VALUE,
    ),
    _fault(
        "schema-reference-to-persons", "The column references a table that knows one value alone.", PERSONS
    ),
    _fault(
        "schema-unique-beside",
        "A second index, of another name, is unique: a value's second row is lost.",
        f"CREATE UNIQUE INDEX uq_metadata_value ON {TABLE} ({COLUMN}) WHERE {COLUMN} NOT LIKE '%@%';",
    ),
    _fault(
        "schema-default-where-left-out",
        "The column has a default, and the build leaves the column out where there is no value.",
        f"ALTER TABLE {TABLE} ALTER {COLUMN} SET DEFAULT 'unknown';",
        build="omits-missing-value",
    ),
    _fault(
        "schema-view-in-place",
        "A view stands in the table's place and cuts values to 100 characters.",
        VIEW_IN_PLACE,
    ),
    _fault(
        "schema-part-forgotten",
        "The table is partitioned by id, and the index covers one of its two parts.",
        FORGOTTEN_PART,
    ),
    _harmless(
        "harmless-generated-columns",
        "Whether there is a value, and how long it is, stand in columns that the database generates.",
        f"ALTER TABLE {TABLE} ADD has_id boolean GENERATED ALWAYS AS ({COLUMN} IS NOT NULL) STORED, "
        f"ADD id_size numeric(9, 1) GENERATED ALWAYS AS (length({COLUMN}) / 8.0) STORED",
    ),
    _harmless("harmless-schema-audit", "A trigger copies each row's id into an audit table.", AUDIT),
    _harmless(
        "harmless-schema-partitioned",
        "The table is partitioned by id, with every part indexed.",
        INDEXED_PARTS,
    ),
    _harmless(
        "harmless-schema-check-elsewhere",
        "Checks on other columns, which every row satisfies.",
        f"""ALTER TABLE {TABLE} ADD CHECK (status_code BETWEEN 100 AND 599);
        ALTER TABLE microdollar_usage ADD CHECK (cost >= 0 AND input_tokens >= 0);""",
    ),
    _harmless(
        "harmless-schema-more-columns",
        "Further columns with defaults, and an index on one of them.",
        f"""ALTER TABLE {TABLE} ADD region text NOT NULL DEFAULT 'eu', ADD revision integer DEFAULT 1;
        ALTER TABLE microdollar_usage ADD upstream_cost bigint;
        CREATE INDEX idx_metadata_region ON {TABLE} (region);""",
    ),
    _harmless(
        "harmless-schema-storage",
        "The column has a comment, other storage and other statistics, and the table another fill factor.",
        f"""COMMENT ON COLUMN {TABLE}.{COLUMN} IS 'who the analytics know the caller as';
        ALTER TABLE {TABLE} ALTER {COLUMN} SET STORAGE EXTERNAL, ALTER {COLUMN} SET STATISTICS 500,
            SET (fillfactor = 90);""",
    ),
)
