"""The files below `sql/` against what is known of the real schema, and against the plan's text."""

import hashlib

from harness import plan
from harness.data import rollout_folders, sql_path
from harness.database import catalog
from harness.database.declaration import Index
from harness.database.declared import plan_store
from harness.database.runners import connect
from harness.database.scripts import statements_of

LOOKUPS = (
    "http_user_agent",
    "http_ip",
    "vercel_ip_city",
    "vercel_ip_country",
    "ja4_digest",
    "system_prompt_prefix",
    "finish_reason",
    "editor_name",
)

USAGE = """
    id uuid not null default gen_random_uuid()
    kilo_user_id text not null
    cost bigint not null
    input_tokens bigint not null
    output_tokens bigint not null
    cache_write_tokens bigint not null
    cache_hit_tokens bigint not null
    created_at timestamp with time zone not null default now()
    provider text
    model text
    requested_model text
    cache_discount bigint
    has_error boolean not null default false
    abuse_classification smallint not null default 0
    organization_id uuid
    inference_provider text
    project_id text
"""

METADATA = """
    id uuid not null
    created_at timestamp with time zone
    message_id text not null
    http_user_agent_id integer
    http_ip_id integer
    vercel_ip_city_id integer
    vercel_ip_country_id integer
    ja4_digest_id integer
    system_prompt_prefix_id integer
    finish_reason_id integer
    editor_name_id integer
    vercel_ip_latitude real
    vercel_ip_longitude real
    user_prompt_prefix text
    system_prompt_length integer
    max_tokens bigint
    has_middle_out_transform boolean
    status_code smallint
    upstream_id text
    latency real
    moderation_latency real
    generation_time real
    is_byok boolean
    is_user_byok boolean
    streamed boolean
    cancelled boolean
    has_tools boolean
"""

USERS = """
    id text not null
    google_user_email text not null
    microdollars_used bigint not null default 0
    kilo_pass_threshold bigint
    api_token_pepper text
"""


def described(dsn: str, table: str) -> list[str]:
    with connect(dsn) as connection:
        return [
            f"{one.name} {one.type}{' not null' * one.not_null}"
            f"{'' if one.default is None else f' default {one.default}'}"
            for one in catalog.columns(connection, table)
        ]


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def test_baseline_has_the_known_columns(base_dsn: str) -> None:
    assert described(base_dsn, "microdollar_usage") == lines(USAGE)
    assert described(base_dsn, "microdollar_usage_metadata") == lines(METADATA)
    assert described(base_dsn, "kilocode_users") == lines(USERS)


def test_baseline_has_the_known_indexes_of_both_tables(base_dsn: str) -> None:
    with connect(base_dsn) as connection:
        found = {
            one.name: one
            for table in ("microdollar_usage", "microdollar_usage_metadata")
            for one in catalog.indexes(connection, table)
        }

    def index(name: str, *columns: str, predicate: str | None = None, unique: bool = False) -> Index:
        return Index(name, "btree", columns, predicate, unique, valid=True, ready=True, live=True)

    expected = (
        index("microdollar_usage_pkey", "id", unique=True),
        index("idx_created_at", "created_at"),
        index("idx_abuse_classification", "abuse_classification"),
        index("idx_kilo_user_id_created_at2", "kilo_user_id", "created_at"),
        index(
            "idx_microdollar_usage_organization_id",
            "organization_id",
            predicate="(organization_id IS NOT NULL)",
        ),
        index("microdollar_usage_metadata_pkey", "id", unique=True),
        index("idx_microdollar_usage_metadata_created_at", "created_at"),
    )
    assert found == {one.name: one for one in expected}


def test_baseline_lookups_have_their_key_and_unique_index(base_dsn: str) -> None:
    for table in LOOKUPS:
        assert described(base_dsn, table) == [
            f"{table}_id integer not null default nextval('{table}_{table}_id_seq'::regclass)",
            f"{table} text not null",
        ]
        with connect(base_dsn) as connection:
            keys = [(one.name, one.columns) for one in catalog.indexes(connection, table) if one.unique]
        assert keys == [(f"UQ_{table}", (table,)), (f"{table}_pkey", (f"{table}_id",))]


def test_baseline_has_six_foreign_keys_and_all_lead_to_lookups(base_dsn: str) -> None:
    with connect(base_dsn) as connection:
        found = connection.execute(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"
        ).fetchall()
    assert sorted(found) == sorted(
        ("microdollar_usage_metadata", f"FOREIGN KEY ({table}_id) REFERENCES {table}({table}_id)")
        for table in LOOKUPS[:6]
    )


def test_view_shows_usage_rows_without_metadata(base_dsn: str) -> None:
    with connect(base_dsn) as connection:
        connection.execute("DELETE FROM microdollar_usage_metadata WHERE message_id = 'seed-1'")
        rows = connection.execute(
            "SELECT http_ip, message_id FROM microdollar_usage_view ORDER BY created_at LIMIT 2"
        ).fetchall()
        (count,) = connection.execute("SELECT count(*) FROM microdollar_usage_view").fetchone() or (None,)
    assert rows == [(None, None), ("203.0.113.3", "seed-2")]
    assert count == 100


def test_differences_query_names_every_column_of_the_baseline(base_dsn: str) -> None:
    read = [(table, name) for table, name, _ in plan_store().baseline_columns]
    with connect(base_dsn) as connection:
        there = [
            (table, column.name)
            for table in ("kilocode_users", *LOOKUPS, "microdollar_usage", "microdollar_usage_metadata")
            for column in catalog.columns(connection, table)
        ]
        assert read == there
        assert catalog.differences(connection) == ()


def test_plan_file_is_byte_for_byte_the_block_of_the_plan() -> None:
    content = sql_path(plan.MIGRATION_FILE).read_bytes()
    assert hashlib.sha256(content).hexdigest() == (
        "1ba64995a146d6a2375fc558876e1fab6169982190763c35d7d3ecfe3d991244"
    )
    assert len(statements_of(content.decode())) == 2


NOT_MIGRATIONS = ("usage", "queries", "defects", "faults")
"""Folders of statements that nobody applies to a database of his own."""


def test_sql_files_begin_with_locks_and_transaction_rules() -> None:
    folders = (sql_path(""), *rollout_folders())
    files = [path for folder in folders for path in folder.rglob("*.sql")]
    apart = (plan.MIGRATION_FILE, "insert.sql")
    ours = [path for path in files if path.parent.name not in NOT_MIGRATIONS and path.name not in apart]
    assert len(ours) >= 8
    for path in ours:
        header = path.read_text(encoding="utf-8").partition("\n\n")[0]
        assert header.startswith("--"), path.name
        assert "Locks:" in header, path.name
        assert "Transaction:" in header, path.name
