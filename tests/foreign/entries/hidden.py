"""What the role that reads the rows can't see."""

from tests.foreign.entry import Entry, Kind

HIDDEN: Kind = "hidden rows"
TABLE = "microdollar_usage_metadata"
COLUMN = "posthog_distinct_id"
RULE = "'^[a-zA-Z0-9_-]{1,255}$'"

READS = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};\n"


def _policy(condition: str, table: str = TABLE) -> str:
    return f"""{READS}
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY readers ON {table} FOR SELECT TO {{role}} USING ({condition});
    """


def _fault(name: str, build: str, sentence: str, sql: str) -> Entry:
    return Entry(name, HIDDEN, "sql", True, sentence, sql=sql, role="reader", build=build)


def _harmless(name: str, sentence: str, sql: str) -> Entry:
    return Entry(name, HIDDEN, "sql", False, sentence, sql=sql, role="reader")


FILTERED_VIEW = f"""
CREATE SCHEMA reporting;
CREATE VIEW reporting.{TABLE} AS
SELECT * FROM public.{TABLE} WHERE {COLUMN} IS NULL OR {COLUMN} LIKE '%@%' OR {COLUMN} ~ {RULE};
GRANT USAGE ON SCHEMA reporting TO {{role}};
GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {{role}};
ALTER ROLE {{role}} SET search_path = reporting, public;
"""

COPY = f"""
CREATE SCHEMA reporting;
CREATE TABLE reporting.{TABLE} (LIKE public.{TABLE} INCLUDING INDEXES);
CREATE FUNCTION reporting.copy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reporting.{TABLE} SELECT NEW.* ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER copy AFTER INSERT ON public.{TABLE} FOR EACH ROW EXECUTE FUNCTION reporting.copy();
GRANT USAGE ON SCHEMA reporting TO {{role}};
GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {{role}};
ALTER ROLE {{role}} SET search_path = reporting, public;
"""

ALL_COLUMNS_BUT_VALUE = f"""
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {{role}};
REVOKE SELECT ON {TABLE} FROM {{role}};
GRANT SELECT (id, created_at, message_id, http_ip_id, streamed, status_code) ON {TABLE} TO {{role}};
"""

OTHER_SCHEMA = f"""{READS}
CREATE SCHEMA archive;
CREATE TABLE archive.{TABLE} (LIKE public.{TABLE} INCLUDING ALL);
GRANT USAGE ON SCHEMA archive TO {{role}};
GRANT SELECT ON ALL TABLES IN SCHEMA archive TO {{role}};
"""

ELSEWHERE = f"""{READS}
CREATE TABLE invoices (id bigserial PRIMARY KEY, owner text NOT NULL);
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON invoices USING (owner = current_user);
"""

OWNER = f"""{READS}
ALTER TABLE {TABLE} OWNER TO {{role}};
ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY;
CREATE POLICY nobody ON {TABLE} USING (false);
"""

ENTRIES: tuple[Entry, ...] = (
    _fault(
        "hidden-invalid-values",
        "class-dot-accepted",
        "Values with dots are stored, and a policy hides rows with an invalid value from the reader.",
        _policy(f"{COLUMN} IS NULL OR {COLUMN} LIKE '%@%' OR {COLUMN} ~ {RULE}"),
    ),
    _fault(
        "hidden-orphans",
        "orphan-second-metadata",
        "A second metadata row is written, and a policy hides metadata without usage from the reader.",
        _policy(f"EXISTS (SELECT FROM microdollar_usage AS usage WHERE usage.id = {TABLE}.id)"),
    ),
    _fault(
        "hidden-signed-in-values",
        "path-gateway-signed-in-header",
        "On the gateway path signed-in rows get the header, and a policy shows the reader anonymous usage alone.",
        _policy("kilo_user_id LIKE 'anon:%'", "microdollar_usage"),
    ),
    _fault(
        "hidden-usage-without-metadata",
        "orphan-usage-of-long-value",
        "Usage without metadata is written, and a policy hides it from the reader.",
        _policy(f"EXISTS (SELECT FROM {TABLE} AS m WHERE m.id = microdollar_usage.id)", "microdollar_usage"),
    ),
    _fault(
        "hidden-by-view-on-search-path",
        "class-colon-accepted",
        "Values with colons are stored, and a view earlier on the reader's search path leaves them out.",
        READS + FILTERED_VIEW,
    ),
    _fault(
        "hidden-by-copy-on-search-path",
        "later-cleared-after-stream",
        "Stored values are cleared later, and the reader's search path leads to a copy from when they were inserted.",
        READS + COPY,
    ),
    _fault(
        "hidden-value-column",
        "path-openrouter-email-lost",
        "E-mails are lost on one path, and the reader has no grant on the column.",
        ALL_COLUMNS_BUT_VALUE,
    ),
    _fault(
        "hidden-second-pairs",
        "orphan-whole-pair-twice",
        "Streamed requests are recorded twice, and a policy shows the reader the first row of each message.",
        f"""CREATE FUNCTION is_first(one uuid, message text, made timestamptz) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER AS $$
            SELECT NOT EXISTS (SELECT FROM {TABLE} AS m WHERE m.message_id = message
                AND (m.created_at, m.id) < (made, one))
        $$;"""
        + _policy("is_first(id, message_id, created_at)")
        + f"""ALTER TABLE microdollar_usage ENABLE ROW LEVEL SECURITY;
        CREATE POLICY readers ON microdollar_usage FOR SELECT TO {{role}}
            USING (EXISTS (SELECT FROM {TABLE} AS m WHERE m.id = microdollar_usage.id));""",
    ),
    _harmless(
        "harmless-hidden-nothing", "The reader may select from every table, and do nothing else.", READS
    ),
    _harmless(
        "harmless-hidden-other-schema",
        "A table of the same name is in a schema that is not on the reader's search path.",
        OTHER_SCHEMA,
    ),
    _harmless(
        "harmless-hidden-unrelated-policy",
        "A table that has nothing to do with usage has a policy.",
        ELSEWHERE,
    ),
    _harmless(
        "harmless-hidden-owner-exempt",
        "The table has a policy that hides every row, and the reader owns the table, which exempts it.",
        OWNER,
    ),
)
