"""The gate on the reference, served by another process: GO, NO-GO by the claim meant for it, or INCONCLUSIVE."""

import json
import re
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from harness.errors import UsageError
from harness.report.document import to_json
from harness.rule.suite import Level
from harness.run.gate import judge_target
from harness.run.gate_claims import NEVER_WAIVED, claims_of
from harness.verdict import Method, Status, Verdict
from tests.fix_gate import Judge, of_reference, requests_of, with_status
from tests.fix_stack import StartReplica
from tests.matrix.recorded import otherwise

ENOUGH = 160
"""Requests that refute what is refuted here; a verdict GO takes all of them."""


async def test_the_planned_backend_is_go_with_every_claim_proven(judge_reference: Judge) -> None:
    report = await judge_reference()
    assert report.verdict is Verdict.GO
    assert with_status(report, Status.PROVEN) == {one.claim.id for one in report.judgements}
    assert requests_of(report).sent <= 420
    assert report.sections.behaviour is None  # there is nothing to explain
    assert not re.search(r"\w@\w", to_json(report))  # nobody's address; a value that was sent may be "@"
    assert otherwise(Level.SMOKE, "gate --build after reference after", to_json(report)) == []
    requests = json.loads(to_json(report))["sections"]["requests"]
    assert len(requests["listed"]) == requests["sent"]
    documentation = ("2001:db8:", "192.0.2.", "198.51.100.", "203.0.113.")
    assert all(one["address"].startswith(documentation) for one in requests["listed"])
    assert len({one["address"] for one in requests["listed"] if one["kind"] == "none"}) >= 10


async def test_the_old_backend_is_no_go_where_the_new_one_is_expected(judge_build: Judge) -> None:
    report = await judge_build("before", max_requests=ENOUGH)
    assert report.verdict is Verdict.NO_GO
    assert {"V1", "I1"} <= with_status(report, Status.REFUTED)
    assert report.consequence.startswith(
        "This looks like the build before the change, or like one whose INSERT"
    )
    (valid,) = (one for one in report.judgements if one.claim.id == "V1")
    assert [finding.times for finding in valid.findings] == [valid.refuting]


async def test_the_old_backend_is_go_where_it_is_expected(
    start: StartReplica, base_dsn: str, run_gate: Judge
) -> None:
    report = await run_gate(of_reference(await start(base_dsn, "before"), base_dsn), build="before")
    assert report.verdict is Verdict.GO
    assert {one.claim.id for one in report.judgements} == {"C1", "C2", "I2", "R1"}


@pytest.mark.catalogue
@pytest.mark.parametrize("build", ["after", "refuses-unknown"])
async def test_minding_the_header_is_no_go_where_the_old_is_expected(judge_build: Judge, build: str) -> None:
    report = await judge_build(build, build="before", max_requests=ENOUGH)
    assert report.verdict is Verdict.NO_GO
    assert "C1" in with_status(report, Status.REFUTED)
    assert report.consequence.startswith(
        "This looks like the build with the change" if build == "after" else ""
    )


async def test_a_finding_shows_request_reply_row_and_its_replay(judge_build: Judge) -> None:
    report = await judge_build("limit-256", max_requests=ENOUGH)
    assert report.verdict is Verdict.NO_GO
    judgement = next(one for one in report.judgements if one.claim.id == "V2")
    finding = judgement.findings[0]
    assert '"a" * 256' in finding.request
    assert finding.reply.startswith("200 ")
    assert "id gen-" in finding.reply
    assert "of length 256" in finding.row
    assert finding.replay.startswith("harness replay ")
    assert "--target http://127.0.0.1:" in finding.replay


async def test_a_backend_ahead_of_its_column_is_no_go(
    start: StartReplica, base_dsn: str, run_gate: Judge
) -> None:
    options = of_reference(await start(base_dsn, "after"), base_dsn)
    report = await run_gate(options, wait_rows_s=0.5)
    assert report.verdict is Verdict.NO_GO
    assert with_status(report, Status.REFUTED) == {"M3", "M4"}
    assert any("no row of" in remark for remark in report.remarks)
    assert report.consequence.startswith("Every request loses its usage row behind a 200: ")
    assert (
        "there is no column posthog_distinct_id, which the INSERT of this backend names" in report.consequence
    )


async def test_the_old_backend_is_told_from_one_that_loses_rows(
    start: StartReplica, base_dsn: str, run_gate: Judge
) -> None:
    options = of_reference(await start(base_dsn, "before"), base_dsn)
    report = await run_gate(options, max_requests=ENOUGH)
    assert {"V1", "M3", "M4"} <= with_status(report, Status.REFUTED)
    assert report.consequence.startswith(
        "This looks like the build before the change, on a database without its column"
    )


async def test_rows_that_come_late_are_waited_for_and_that_is_told(
    start: StartReplica, ready_dsn: str, tmp_path: Path
) -> None:
    options = of_reference(await start(ready_dsn, "late-rows-7"), ready_dsn)
    said: list[str] = []
    given = replace(options, journal=tmp_path / "journal", max_requests=40, watch_rows_s=0.0)
    report = await judge_target(given, said.append)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert with_status(report, Status.REFUTED) == set()
    assert not any("no row of" in remark for remark in report.remarks)
    assert any("plain requests after 5 s; waiting for the first up to 60 s" in line for line in said)
    assert any("the first row came 7 s after its reply; later ones may take 2" in line for line in said)
    (accounted,) = (one for one in report.judgements if one.claim.id == "R1")
    assert accounted.observed >= 30


@pytest.mark.catalogue
async def test_a_backend_whose_rows_come_late_is_go_at_the_end(judge_build: Judge) -> None:
    assert (await judge_build("late-rows-7")).verdict is Verdict.GO


async def test_rows_later_than_the_wait_are_no_evidence_of_anything(judge_build: Judge) -> None:
    report = await judge_build("late-rows-7", wait_rows_s=0.3)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert any("raise --wait-rows" in one.detail for one in report.judgements)


async def test_a_half_row_is_a_fault_unless_it_was_there_before(ready_dsn: str, judge_build: Judge) -> None:
    with psycopg.connect(ready_dsn) as connection:
        connection.execute(
            "INSERT INTO microdollar_usage (kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, "
            "cache_hit_tokens) SELECT id, 0, 0, 0, 0, 0 FROM kilocode_users"
        )
    before = await judge_build("after", max_requests=40)
    assert "R1" not in with_status(before, Status.REFUTED)
    report = await judge_build("usage-again-late", watch_rows_s=2.0, wait_rows_s=1.0, max_requests=ENOUGH)
    assert with_status(report, Status.REFUTED) == {"R1"}


async def test_a_run_without_a_request_is_inconclusive_when_waived_too(judge_reference: Judge) -> None:
    others = {claim.id: "so" for claim in claims_of("after") if claim.id not in NEVER_WAIVED}
    report = await judge_reference(read_only=True, waivers=others)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert with_status(report, Status.UNKNOWN) >= set(NEVER_WAIVED)


async def test_a_waiver_does_not_help_what_is_refuted(judge_build: Judge) -> None:
    report = await judge_build("header-for-email", waivers={"I1": "we know"}, max_requests=ENOUGH)
    assert report.verdict is Verdict.NO_GO


async def test_a_token_that_signs_nobody_in_proves_nothing(judge_reference: Judge) -> None:
    report = await judge_reference(token="expired")
    assert report.verdict is Verdict.INCONCLUSIVE
    assert with_status(report, Status.UNKNOWN) == {"I1"}


async def test_read_only_refutes_by_the_database_and_never_proves(ready_dsn: str, judge_build: Judge) -> None:
    report = await judge_build("after", read_only=True)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert with_status(report, Status.PROVEN) == {"M3", "M4"}
    with psycopg.connect(ready_dsn) as connection:
        rows = connection.execute(
            "SELECT count(*) FROM microdollar_usage WHERE kilo_user_id LIKE 'anon:2001:db8:%'"
        )
        before = rows.fetchone()
        connection.execute("DROP INDEX idx_microdollar_usage_metadata_posthog_distinct_id")
    assert before == (0,)
    report = await judge_build("after", read_only=True)
    assert report.verdict is Verdict.NO_GO
    assert with_status(report, Status.REFUTED) == {"M4"}


async def test_a_role_that_may_only_select_is_enough(
    start: StartReplica, ready_dsn: str, run_gate: Judge
) -> None:
    process = await start(ready_dsn, "after")
    options = of_reference(process, ready_dsn)
    with psycopg.connect(ready_dsn, autocommit=True) as owner:
        info = owner.info
        role = f"reader_of_{info.dbname}"
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'geheim'")
        owner.execute(f"GRANT SELECT ON microdollar_usage, microdollar_usage_metadata TO {role}")
        try:
            dsn = psycopg.conninfo.make_conninfo(ready_dsn, user=role, password="geheim")
            report = await run_gate(options, database_url=dsn)
        finally:
            owner.execute(f"DROP OWNED BY {role}")
            owner.execute(f"DROP ROLE {role}")
    assert report.verdict is Verdict.GO


async def test_fewer_requests_than_the_level_needs_are_inconclusive(judge_reference: Judge) -> None:
    report = await judge_reference(max_requests=20)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert requests_of(report).sent <= 20


async def test_an_early_refutation_stands_when_the_run_is_cut_short(judge_build: Judge) -> None:
    report = await judge_build("before", max_requests=20)
    assert report.verdict is Verdict.NO_GO


@pytest.mark.catalogue
async def test_the_standard_level_keeps_within_its_requests(judge_reference: Judge) -> None:
    report = await judge_reference(level=Level.STANDARD)
    assert report.verdict is Verdict.GO
    assert 5000 < requests_of(report).sent <= 7000
    assert {one.method for one in report.judgements if one.claim.id == "V1"} == {Method.SAMPLED}


async def test_the_later_rule_is_judged_too(start: StartReplica, ready_dsn: str, run_gate: Judge) -> None:
    process = await start(ready_dsn, "after", policy="length-only")
    options = of_reference(process, ready_dsn)
    assert (await run_gate(options, policy="length-only")).verdict is Verdict.GO
    assert (await run_gate(options, policy="strict", max_requests=ENOUGH)).verdict is Verdict.NO_GO


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"free_model": ""}, "--free-model"),
        ({"token": None}, "go together"),
        ({"waivers": {"X9": "so"}}, "cannot waive 'X9'"),
        ({"waivers": {"I1": " "}}, "without a reason"),
        *(
            ({"waivers": {claim: "so"}}, f"cannot waive {claim}: .* always required")
            for claim in NEVER_WAIVED
        ),
        ({"read_only": True, "clean": True}, "--clean"),
        ({"backend_url": "ftp://x"}, "no http://"),
    ],
)
async def test_options_that_do_not_fit_are_misuse(
    judge_reference: Judge, changes: dict[str, object], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        await judge_reference(**changes)
