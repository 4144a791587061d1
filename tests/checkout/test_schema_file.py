"""schema.ts as it is declared: the column and the index of the rollout, in one file or in two."""

from pathlib import Path

import pytest

from harness.checks.checkout_claims import BACKEND, claims_of
from harness.database.server import Server
from harness.rollout import load_rollout
from harness.run.check import check
from harness.run.check_backend import check_backend
from harness.run.options.check import CheckOptions
from harness.verdict import Judgement, Results, Status
from tests.checkout.edits import BROKEN, MIGRATION, WIRED, Edit, backend, line_of

SCHEMA = "src/db/schema.ts"
COLUMN = "    posthog_distinct_id: text(), // NEW\n"
INDEX = (
    "    index('idx_microdollar_usage_metadata_posthog_distinct_id').on(table.posthog_distinct_id), // NEW\n"
)


@pytest.fixture(params=["run", "read by a parser"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Whether the packages are there."""
    if request.param == "run":
        request.getfixturevalue("packages")
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return str(request.param)


def judged(checkout: Path) -> Judgement:
    rollout = load_rollout()
    results = Results(claims_of((BACKEND,), rollout.tables))
    check_backend(results, rollout, checkout)
    return next(each for each in results.judgements() if each.id == "F2")


UNIQUE = "    uniqueIndex('idx_microdollar_usage_metadata_posthog"
WRONG = {
    "no column": Edit(SCHEMA, COLUMN, ""),
    "not null": Edit(SCHEMA, "distinct_id: text(),", "distinct_id: text().notNull(),"),
    "another type": Edit(SCHEMA, "distinct_id: text(),", "distinct_id: integer(),"),
    "no index": Edit(SCHEMA, INDEX, ""),
    "another name": Edit(SCHEMA, "metadata_posthog_distinct_id'", "metadata_distinct_id'"),
    "a unique index": Edit(SCHEMA, "    index('idx_microdollar_usage_metadata_posthog", UNIQUE),
    "unique": Edit(SCHEMA, "distinct_id: text(),", "distinct_id: text().unique(),"),
    "generated": Edit(SCHEMA, "distinct_id: text(),", "distinct_id: text().generatedAlwaysAs('x'),"),
    "a foreign key": Edit(
        SCHEMA, "distinct_id: text(),", "distinct_id: text().references(() => kilocode_users.id),"
    ),
    "an array": Edit(SCHEMA, "distinct_id: text(),", "distinct_id: text().array(),"),
    "a default of the client": Edit(
        SCHEMA, "distinct_id: text(),", "distinct_id: text().$default(() => 'x'),"
    ),
    "an index downwards": Edit(SCHEMA, "table.posthog_distinct_id)", "table.posthog_distinct_id.desc())"),
    "an operator class": Edit(
        SCHEMA, "table.posthog_distinct_id)", "table.posthog_distinct_id.op('text_pattern_ops'))"
    ),
    "two columns": Edit(
        SCHEMA, "(table.posthog_distinct_id)", "(table.posthog_distinct_id, table.message_id)"
    ),
    "another method": Edit(
        SCHEMA, "').on(table.posthog_distinct_id)", "').using('hash', table.posthog_distinct_id)"
    ),
}
"""`text({ enum: [...] })` is none of them: it is a type of TypeScript's alone."""


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.usefixtures("how")
def test_another_declaration_is_refuted(name: str, tmp_path: Path) -> None:
    judgement = judged(backend(tmp_path, WRONG[name]))
    (finding,) = judgement.findings
    assert finding.condition.startswith(f"{SCHEMA}:")


AT = {
    "a column of another name": Edit(SCHEMA, "distinct_id: text(),", "distinct_id: text('distinct'),"),
    "a unique index": WRONG["a unique index"],
    "an index downwards": WRONG["an index downwards"],
}


@pytest.mark.parametrize("name", AT)
@pytest.mark.usefixtures("how")
def test_it_is_refuted_at_the_line_of_the_edit(name: str, tmp_path: Path) -> None:
    checkout = backend(tmp_path, AT[name])
    (finding,) = judged(checkout).findings
    line = line_of(checkout, SCHEMA, AT[name].new)
    assert finding.condition.startswith(f"{SCHEMA}:{line}: ")


def test_the_plans_declaration_is_proven(tmp_path: Path, how: str) -> None:
    judgement = judged(backend(tmp_path))
    assert judgement.status is Status.PROVEN
    told = {
        "run": "under Node with drizzle-orm: text, nullable",
        "read by a parser": "harness check --prepare",
    }
    assert told[how] in judgement.detail


def test_a_schema_in_two_files_is_proven(tmp_path: Path, how: str) -> None:
    checkout = backend(tmp_path)
    (checkout / SCHEMA).rename(checkout / "src/db/tables.ts")
    (checkout / SCHEMA).write_text("export * from './tables';\n")
    judgement = judged(checkout)
    assert judgement.status is Status.PROVEN, (how, judgement.detail)
    assert "src/db/tables.ts:" in judgement.detail


HELPER = Edit(
    SCHEMA, "export const kilocode_users", "const id = () => text();\n\nexport const kilocode_users"
)


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize(
    "edits",
    [
        (HELPER, Edit(SCHEMA, "distinct_id: text(),", "distinct_id: id(),")),
        (Edit(SCHEMA, "distinct_id: text(),", "distinct_id: text('posthog_distinct_id'),"),),
        (Edit(SCHEMA, "    posthog_distinct_id: text(),", "    distinctId: text('posthog_distinct_id'),"),
         Edit(SCHEMA, ".on(table.posthog_distinct_id)", ".on(table.distinctId)")),
    ],
    ids=["a helper", "its name said", "another property"],
)  # fmt: skip
def test_what_comes_to_the_same_is_proven(edits: tuple[Edit, ...], tmp_path: Path) -> None:
    judgement = judged(backend(tmp_path, *edits))
    assert judgement.status is Status.PROVEN, judgement.findings


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("distinct_id: varchar({ length: 255 }),", "it comes to varchar(255), nullable"),
        ("distinct_id: text().default(''),", "it comes to text, nullable, with a default"),
    ],
)
def test_what_it_comes_to_is_told_at_its_line(new: str, says: str, tmp_path: Path) -> None:
    named = Edit(SCHEMA, "uniqueIndex, uuid }", "uniqueIndex, uuid, varchar }")
    checkout = backend(tmp_path, named, Edit(SCHEMA, "distinct_id: text(),", new))
    (finding,) = judged(checkout).findings
    assert finding.condition.startswith(f"{SCHEMA}:{line_of(checkout, SCHEMA, new)}: {says}")


@pytest.mark.usefixtures("packages")
def test_what_cannot_be_run_is_read_by_the_parser(tmp_path: Path) -> None:
    judgement = judged(
        backend(tmp_path, Edit(SCHEMA, "import { Outcome }", "missing();\nimport { Outcome }"))
    )
    assert judgement.status is Status.PROVEN
    assert f"not evaluated: {SCHEMA}:3: missing is not defined" in judgement.detail


@pytest.mark.usefixtures("packages")
def test_a_migration_that_makes_another_type_is_told(tmp_path: Path, server: Server) -> None:
    altered = "ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id varchar(255);\n"
    made = backend(tmp_path, *WIRED, Edit(MIGRATION, "", altered), BROKEN)  # no requests to its handler
    report = check(CheckOptions(backend=made, postgres=server.dsn("postgres")), lambda _: None)
    judgement = next(each for each in report.judgements if each.id == "F2")
    assert (
        "and the migrations make posthog_distinct_id character varying(255)"
        in judgement.findings[0].condition
    )
    assert any("which it does not declare" in remark for remark in report.remarks)
