"""schema.ts as it is declared: the column and the index of the rollout, in one file or in two."""

from pathlib import Path

import pytest

from harness.checks.checkout_claims import BACKEND, claims_of
from harness.rollout import load_rollout
from harness.run.check_backend import check_backend
from harness.verdict import Judgement, Results, Status
from tests.checkout.edits import Edit, backend

SCHEMA = "src/db/schema.ts"
COLUMN = "    posthog_distinct_id: text(), // NEW\n"
INDEX = (
    "    index('idx_microdollar_usage_metadata_posthog_distinct_id').on(table.posthog_distinct_id), // NEW\n"
)


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
}


@pytest.mark.parametrize("name", WRONG)
def test_another_declaration_is_refuted(name: str, tmp_path: Path) -> None:
    judgement = judged(backend(tmp_path, WRONG[name]))
    (finding,) = judgement.findings
    assert finding.condition.startswith(f"{SCHEMA}:")


def test_the_plans_declaration_is_proven(tmp_path: Path) -> None:
    assert judged(backend(tmp_path)).status is Status.PROVEN


def test_a_schema_in_two_files_is_proven(tmp_path: Path) -> None:
    checkout = backend(tmp_path)
    (checkout / SCHEMA).rename(checkout / "src/db/tables.ts")
    (checkout / SCHEMA).write_text("export * from './tables';\n")
    judgement = judged(checkout)
    assert judgement.status is Status.PROVEN, judgement.detail
    assert "src/db/tables.ts:" in judgement.detail
