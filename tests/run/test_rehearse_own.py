"""A migration of one's own on a schema of one's own: judged by what it does to the rows, the locks and the traffic."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from harness.database.runners import connect
from harness.database.server import Server, running_server
from harness.errors import UnavailableError, UsageError
from harness.report.contents import Table
from harness.report.document import Report, to_json
from harness.run.options.rehearse import OwnOptions, RehearsalPart, RehearseOptions
from harness.run.rehearse import rehearse
from harness.run.report_reading import read_text
from harness.verdict import Status, Verdict
from tests.fix_report import effect, statuses

SCHEMA = """
CREATE TABLE public.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE
);
CREATE TABLE public.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES public.customers (id),
    status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'sent')),
    note character varying(40)
);
"""
INDEX = "CREATE INDEX orders_note_idx ON orders (note);\n"


def run(
    server: Server,
    folder: Path,
    migration: str,
    schema: str = SCHEMA,
    parts: frozenset[RehearsalPart] = frozenset(RehearsalPart),
    own: Mapping[str, object] | None = None,
    **options: object,
) -> tuple[Report, dict[str, Table]]:
    (folder / "schema.sql").write_text(schema, encoding="utf-8")
    (folder / "0007_own.sql").write_text(migration, encoding="utf-8")
    given = {"schema": folder / "schema.sql", **(own or {})}
    chosen = RehearseOptions(
        rows=2000, quiet_s=0.2, postgres=server.dsn("postgres"), parts=parts,
        migration=str(options.pop("path", folder / "0007_own.sql")),
        own=OwnOptions(**given), **options,  # type: ignore[arg-type]
    )  # fmt: skip
    tables: dict[str, Table] = {}
    return rehearse(chosen, lambda _: None, lambda table: tables.update({table.title: table})), tables


def test_plain_index_is_measured_beside_a_concurrent_one(server: Server, tmp_path: Path) -> None:
    better = tmp_path / "better"
    report, tables = run(server, tmp_path, INDEX, own={"remedy": better}, max_stall_ms=10_000.0)
    assert report.verdict is Verdict.GO
    assert set(statuses(report)) == {"Y1", "Y2", "Y3", "Y4"}
    assert [row[0] for row in tables["Write stalls"].rows] == ["as written", "remedy"]
    assert tables["Locks"].rows[0][1:3] == (
        "SHARE on orders",
        "insert, update, vacuum or another build, ALTER TABLE",
    )
    assert report.sections.timeline.startswith("<svg")
    assert (
        (better / "01_build_orders_note_idx.sql")
        .read_text()
        .endswith("SET lock_timeout = 0;\nCREATE INDEX CONCURRENTLY orders_note_idx ON orders (note);\n")
    )
    assert "2,000 rows in orders" in report.remarks
    assert read_text(to_json(report), "the report").verdict is Verdict.GO


def test_refused_statement_is_no_go_at_its_line(server: Server, tmp_path: Path) -> None:
    report, _ = run(server, tmp_path, "-- two lines\nALTER TABLE orders ADD COLUMN id text;\n", compare=False)
    assert report.verdict is Verdict.NO_GO
    (judgement,) = (judgement for judgement in report.judgements if judgement.id == "Y1")
    assert "0007_own.sql:2" in judgement.findings[0].condition
    assert (
        '42701 duplicate column: column "id" of relation "orders" already exists'
        in judgement.findings[0].effect
    )


def test_column_that_is_dropped_is_missed_by_readers(server: Server, tmp_path: Path) -> None:
    report, _ = run(server, tmp_path, "ALTER TABLE orders DROP COLUMN note;", compare=False)
    assert statuses(report)["Y3"] is Status.REFUTED
    assert "42703 undefined column" in effect(report, "Y3")


def test_stall_beyond_the_budget_is_no_go_with_the_remedy(server: Server, tmp_path: Path) -> None:
    report, _ = run(server, tmp_path, INDEX, max_stall_ms=0.001)
    assert statuses(report)["Y2"] is Status.REFUTED
    (judgement,) = (judgement for judgement in report.judgements if judgement.id == "Y2")
    assert "01_build_orders_note_idx.sql" in judgement.findings[0].workaround


def test_locks_alone_need_no_rows(server: Server, tmp_path: Path) -> None:
    migration = "ALTER TABLE orders ALTER COLUMN note TYPE integer USING 1;"
    report, tables = run(server, tmp_path, migration, parts=frozenset({RehearsalPart.LOCKS}))
    assert statuses(report) == {"Y1": Status.PROVEN}
    assert tables["Locks"].rows[0][1:4] == (
        "ACCESS EXCLUSIVE on orders",
        "read, insert, update, vacuum or another build, ALTER TABLE",
        "orders",
    )


def test_concurrent_build_is_looked_at_in_its_wait(server: Server, tmp_path: Path) -> None:
    migration = "CREATE INDEX CONCURRENTLY orders_note_idx ON orders (note);"
    report, tables = run(server, tmp_path, migration, parts=frozenset({RehearsalPart.LOCKS}))
    assert report.verdict is Verdict.GO
    assert tables["Locks"].rows[0][1:3] == (
        "SHARE UPDATE EXCLUSIVE on orders",
        "vacuum or another build, ALTER TABLE",
    )


PARTS = """
CREATE TABLE public.events (
    id bigint GENERATED ALWAYS AS IDENTITY, account bigint NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
""" + "".join(
    f"CREATE TABLE public.events_{month} PARTITION OF public.events "
    f"FOR VALUES FROM ('2025-0{month}-01') TO ('2025-0{month + 1}-01');\n"
    for month in range(1, 9)
)
OF_PARTS = "CREATE INDEX events_account_idx ON events (account);\n"


def test_partitioned_table_is_migrated_in_three_steps(server: Server, tmp_path: Path) -> None:
    report, tables = run(
        server, tmp_path, OF_PARTS, PARTS, own={"remedy": tmp_path / "steps"}, max_stall_ms=10_000.0
    )
    names = [row[0] for row in tables["Write stalls"].rows]
    assert names == ["as written", "remedy", "concurrently on the whole"]
    assert (
        'cannot create index on partitioned table "events" concurrently' in tables["Write stalls"].notes[-1]
    )
    assert tables["Locks"].rows[0][1] == "SHARE on events and 8 parts"
    assert report.verdict is Verdict.GO
    files = sorted((tmp_path / "steps").iterdir())
    assert [file.name for file in files][::9] == [
        "01_index_on_only_events.sql",
        "10_attach_events_account_idx.sql",
    ]
    steps, _ = run(server, tmp_path, "", PARTS, path=tmp_path / "steps", max_stall_ms=10_000.0)
    assert steps.verdict is Verdict.GO
    assert len(steps.plan) == 36  # of the first file 2, of each part 2, of the last 9, and 9 RESETs between


def test_concurrent_index_of_a_partitioned_table_is_refused(server: Server, tmp_path: Path) -> None:
    migration = OF_PARTS.replace("INDEX", "INDEX CONCURRENTLY")
    report, tables = run(server, tmp_path, migration, PARTS)
    assert report.verdict is Verdict.NO_GO
    assert statuses(report)["Y1"] is Status.REFUTED
    assert "0A000 feature not supported: cannot create index on partitioned table" in effect(report, "Y1")
    assert [row[0] for row in tables["Write stalls"].rows] == ["as written", "remedy", "plain on the whole"]


def test_rows_are_made_as_the_statistics_say(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "stats.sql"
    relation = "SELECT pg_restore_relation_stats('schemaname', 'public', 'relname', '{}', 'reltuples', '{}'::real);\n"
    file.write_text(relation.format("orders", 400) + relation.format("customers", 100))
    migration = f"{INDEX}ALTER TABLE customers ADD COLUMN phone text;"
    report, _ = run(server, tmp_path, migration, own={"statistics": str(file)}, compare=False)
    assert {"2,000 rows in orders", "500 rows in customers"} <= set(report.remarks)


def test_writers_and_readers_of_ones_own_are_sent(server: Server, tmp_path: Path) -> None:
    writer, reader = tmp_path / "sign_up.sql", tmp_path / "look.sql"
    writer.write_text(
        "INSERT INTO customers (email) VALUES ('new' || $1);\nSELECT count(*) FROM orders WHERE id = $1;"
    )
    reader.write_text("SELECT email FROM customers LIMIT 1")
    own = {"writers": (writer,), "readers": (reader,)}
    report, _ = run(server, tmp_path, INDEX, own=own, compare=False)
    assert report.verdict is Verdict.GO
    assert "traffic: sign_up.sql, look.sql" in report.remarks


def test_writer_that_is_refused_at_once_is_the_users(server: Server, tmp_path: Path) -> None:
    writer = tmp_path / "wrong.sql"
    writer.write_text("INSERT INTO customers (mail) VALUES ($1);")
    with pytest.raises(UsageError, match=r"wrong\.sql is refused before the migration begins: 42703"):
        run(server, tmp_path, INDEX, own={"writers": (writer,)})


def test_folder_is_sent_from_the_file_named_on(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_customers.sql").write_text("CREATE TABLE customers ();")
    (folder / "0002_note.sql").write_text(INDEX)
    own = {"after": "0001_customers.sql"}
    report, _ = run(server, tmp_path, "", own=own, path=folder, parts=frozenset({RehearsalPart.LOCKS}))
    assert report.verdict is Verdict.GO
    assert report.plan == ("0002_note.sql:1: CREATE INDEX orders_note_idx ON orders (note)",)


def test_what_only_a_tool_can_fill_in_is_not_rehearsed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"0007_own.sql:1 not judged: placeholder: \$\{table\}"):
        run(server, tmp_path, "ALTER TABLE ${table} ADD COLUMN a text;")


def test_nothing_is_left_on_the_server(tmp_path: Path) -> None:
    with running_server("embedded") as alone:
        run(alone, tmp_path, INDEX, compare=False)
        with connect(alone.dsn("postgres")) as connection:
            found = connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate").fetchall()
    assert found == [("postgres",)]


@pytest.mark.parametrize(
    ("own", "migration", "reason"),
    [
        ({}, "0007_own.sql", "needs the schema that it finds; add --schema FILE"),
        ({"copy_schema": True}, "0007_own.sql", "--copy-schema needs the database"),
        ({"schema": Path("s.sql")}, "plain-index", "is for a migration of your own"),
        ({"schema": Path("s.sql")}, "missing/0001.sql", "no migration missing/0001.sql"),
    ],
    ids=["no schema", "no database", "the harness's", "no file"],
)
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: dict[str, object], migration: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0007_own.sql").write_text(INDEX)
    options = RehearseOptions(migration=migration, own=OwnOptions(**own))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=reason):
        rehearse(options, lambda _: None, lambda _: None)


def test_live_schema_is_copied_with_where_names_are_looked_for(server: Server, tmp_path: Path) -> None:
    with server.database() as dsn:
        with connect(dsn) as connection:
            connection.execute('CREATE SCHEMA "the shop"; SET search_path = "the shop"')
            connection.execute(SCHEMA.replace("public.", ""))
            connection.execute(
                "INSERT INTO customers (email) SELECT 'x' || n FROM generate_series(1, 50) AS n; ANALYZE"
            )
        live = make_conninfo(dsn, options='-c search_path="the\\ shop"')
        own = {"schema": None, "copy_schema": True, "database_url": live, "statistics": live}
        report, _ = run(server, tmp_path, INDEX, own=own, compare=False)
    assert report.verdict is Verdict.GO
    assert "2,000 rows in the shop.orders" in report.remarks


def test_no_password_is_in_an_error(server: Server, tmp_path: Path) -> None:
    socket = conninfo_to_dict(server.dsn("postgres")).get("host", "localhost")
    dsn = f"postgresql://nobody:s3cret@/none?host={socket}"
    with pytest.raises(UnavailableError) as refused:
        run(server, tmp_path, INDEX, own={"schema": None, "copy_schema": True, "database_url": dsn})
    assert "s3cret" not in str(refused.value)
