"""One run divided: five shards merged are what one run is, and each way of merging wrongly is told."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from harness.errors import UsageError
from harness.report.document import JudgedBuild, Report, ShardReport, to_json
from harness.rule.level import Level
from harness.rule.policy import POLICIES, STRICT
from harness.rule.shard import Shard, ShardTotals, Share, sum_of, totals_by_shard
from harness.rule.suite import suite
from harness.run.accept import accept
from harness.run.gate_claims import claims_of
from harness.run.headers import SAMPLES
from harness.run.merge import merge
from harness.run.options.accept import AcceptOptions
from harness.run.options.gate import GateOptions
from harness.run.options.prove import ProveOptions
from harness.run.proof import proof_plan
from harness.run.prove import prove
from harness.run.report_reading import faults_of, read_text
from harness.run.shards import ELSEWHERE, expected, merged
from harness.stages.environment import BuildPair
from harness.verdict import Status, Verdict, decide
from tests.command import harness_command
from tests.fix_gate import Judge, requests_of, said, with_status
from tests.report.sample import finding, judgement, report

OF = 5
FIRST_ALONE = ("M3", "M4", "D1")


def of_shard(number: int, **more: Any) -> Report:
    """A gate's report of one of five shards."""
    judged = [
        judgement(claim, Status.UNKNOWN, observed=0, detail=ELSEWHERE)
        if number > 1 and claim.id in FIRST_ALONE
        else judgement(claim, observed=100)
        for claim in claims_of("after")
    ]
    count, digest = expected(STRICT, Level.STANDARD, OF)[number - 1]
    usual: dict[str, Any] = {
        "shard": ShardReport(number, OF, count, digest, 9),
        "rollout": "sha256:" + "0" * 64,
    }
    return report(*judged, **usual | more)


def put_together(reports: list[Report]) -> Report:
    return merged(reports, claims_of("after"), "harness report merge", STRICT)


@pytest.mark.parametrize("text", ["0/5", "6/5", "2", "2/", "a/b", "1/1001", "-1/2"])
def test_what_is_no_part_is_misuse(text: str) -> None:
    with pytest.raises(UsageError, match="is no part of a whole"):
        Shard.parse(text)


def test_shards_add_up_to_the_suite_whatever_the_order() -> None:
    values = list(suite(POLICIES["strict"], Level.STANDARD))
    whole = Share(values, Shard(1, 1)).taken()
    shares = [Share(values, Shard(number, OF)).taken() for number in range(OF, 0, -1)]
    assert sum(share.count for share in shares) == whole.count == len(values)
    assert sum_of(share.digest for share in shares) == whole.digest
    assert len({share.digest for share in shares}) == OF
    assert max(share.count for share in shares) - min(share.count for share in shares) <= 1
    due = totals_by_shard(iter(values), OF)
    assert due == tuple(ShardTotals(share.count, share.digest) for share in reversed(shares))


def test_five_shards_are_one_verdict() -> None:
    whole = put_together([of_shard(number) for number in (3, 1, 5, 2, 4)])
    assert whole.verdict is Verdict.GO
    assert whole.shard is None
    by_id = {each.id: each for each in whole.judgements}
    assert (by_id["V1"].observed, by_id["M3"].observed) == (500, 100)
    assert [line.split(":")[0] for line in whole.remarks[:OF]] == [
        f"shard {number}/5" for number in range(1, 6)
    ]
    assert list(faults_of(whole)) == []


def test_phrases_of_all_shards_stand_once_and_shares_in_remarks() -> None:
    told = "over the wire: a bound; 115,637 headers"
    reports = [
        changed(number, "V1", detail=f"{told}; shard {number}/5 of it, 663 headers") for number in range(1, 6)
    ]
    (found,) = (each for each in put_together(reports).judgements if each.id == "V1")
    assert found.detail == told


def with_shard(report: Report, **changes: Any) -> Report:
    assert report.shard is not None
    return structs.replace(report, shard=structs.replace(report.shard, **changes))


def overlapping(reports: list[Report]) -> None:
    assert reports[0].shard is not None
    reports[2] = with_shard(reports[2], digest=reports[0].shard.digest, probes=reports[0].shard.probes)


WRONG: dict[str, tuple[Callable[[list[Report]], object], str]] = {
    "a shard is missing": (lambda all_: all_.pop(2), "shard 3 of 5 is missing"),
    "a shard twice": (lambda all_: all_.append(all_[2]), "shard 3 is there twice: an overlap"),
    "one instead of another": (lambda all_: all_.__setitem__(2, all_[1]), "shard 2 is there twice: an overlap"),
    "the same headers": (overlapping, "shards 1 and 3 have sent the same headers: an overlap"),
    "other headers": (
        lambda all_: all_.__setitem__(4, with_shard(all_[4], digest="1" * 64)),
        "shard 5 of 5 has sent 663 headers that are not its 663",
    ),
    "not all headers": (lambda all_: all_.__setitem__(4, with_shard(all_[4], probes=7)), "has sent 7 headers"),
    "another seed": (lambda all_: all_.__setitem__(1, of_shard(2, seed=8)), "not of one seed: 7 and 8"),
    "another level": (
        lambda all_: all_.__setitem__(1, of_shard(2, level="exhaustive")),
        "not of one level: standard and exhaustive",
    ),
    "other extra states": (
        lambda all_: all_.__setitem__(1, of_shard(2, extra_states=1)),
        "not of one number of extra states: 0 and 1",
    ),
    "another target": (lambda all_: all_.__setitem__(1, of_shard(2, target="x")), "not of one target:  and x"),
    "another rollout": (
        lambda all_: all_.__setitem__(1, of_shard(2, rollout="sha256:" + "1" * 64)),
        "not of one rollout",
    ),
    "another build": (
        lambda all_: all_.__setitem__(1, of_shard(2, deployed=JudgedBuild("0a" * 20))),
        "not of one deployed",
    ),
    "other parts": (lambda all_: all_.__setitem__(1, with_shard(all_[1], of=6)), "are parts of 5 and 6"),
    "a whole run": (lambda all_: all_.__setitem__(1, of_shard(2, shard=None)), "1 of 5 reports are of no shard"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_merged_wrongly_is_inconclusive(name: str) -> None:
    change, told = WRONG[name]
    reports = [of_shard(number) for number in range(1, OF + 1)]
    change(reports)
    whole = put_together(reports)
    assert whole.verdict is Verdict.INCONCLUSIVE
    assert told in "; ".join(whole.remarks)
    assert all(told in each.detail for each in whole.judgements)


def changed(number: int, claim: str, **more: Any) -> Report:
    known = of_shard(number)
    judged = tuple(replace(each, **more) if each.id == claim else each for each in known.judgements)
    return structs.replace(known, judgements=judged, verdict=decide(judged))


@pytest.mark.parametrize(
    ("shard", "status"),
    [
        (changed(4, "V2", status=Status.REFUTED, refuting=2, findings=(finding("V2"),)), Status.REFUTED),
        (changed(4, "V2", status=Status.UNKNOWN, detail="the target answers 429"), Status.UNKNOWN),
    ],
    ids=["refuted", "unknown"],
)
def test_what_one_shard_found_is_the_verdict(shard: Report, status: Status) -> None:
    whole = put_together([*(of_shard(number) for number in (1, 2, 3, 5)), shard])
    (found,) = (each for each in whole.judgements if each.id == "V2")
    assert (found.status, whole.verdict is Verdict.GO) == (status, False)
    assert {each.id for each in whole.judgements if each.status is not Status.PROVEN} == {"V2"}


def test_a_shard_is_no_verdict_to_accept(tmp_path: Path) -> None:
    file = tmp_path / "shard.json"
    file.write_text(to_json(of_shard(1)))
    found = accept(AcceptOptions(file=file, unsigned=True, max_age="9999d"))
    assert found.reasons == ("it is of shard 1/5 alone; harness report merge makes a verdict",)


def test_only_the_first_shard_draws_samples() -> None:
    """At exhaustive they take ten seconds; the others send none."""
    drawn = [
        len(proof_plan(ProveOptions(Level.SMOKE, shard=f"{number}/3"), BuildPair(), None).samples)
        for number in (1, 2, 3)
    ]
    assert drawn == [SAMPLES[Level.SMOKE], 0, 0]


@pytest.mark.catalogue(every=1)
def test_shards_of_prove_are_what_one_run_is(proven: Report, tmp_path: Path) -> None:
    """For real: two runs on two servers, read from their files, against one run of the same seed."""
    files = []
    for number in range(1, 3):
        files.append(tmp_path / f"shard-{number}.json")
        files[-1].write_text(to_json(prove(ProveOptions(level=Level.SMOKE, shard=f"{number}/2"), said)))
    whole = merge(files, "harness report merge")
    assert whole.verdict is proven.verdict is Verdict.GO
    assert {each.id: each.status for each in whole.judgements} == {
        each.id: each.status for each in proven.judgements
    }
    shards = [shard for file in files if (shard := read_text(file.read_text(), "x").shard)]
    sent = ShardTotals(sum(shard.probes for shard in shards), sum_of(shard.digest for shard in shards))
    assert (sent,) == expected(STRICT, Level.SMOKE, 1)
    assert all(shard.controls for shard in shards)
    second = str(files[1])
    done = harness_command("report", "merge", second, second, "--json", str(tmp_path / "all.json"))
    assert done.returncode == 3
    assert "shard 1 of 2 is missing" in done.stdout


async def test_a_shard_of_the_gate_leaves_the_rest_to_others(reference: GateOptions, run_gate: Judge) -> None:
    second = await run_gate(reference, level=Level.STANDARD, shard="2/60")
    assert {each.id for each in second.judgements if each.detail == ELSEWHERE} >= set(FIRST_ALONE)
    assert with_status(second, Status.REFUTED) == set()
    assert second.shard is not None
    assert (second.shard.number, second.shard.of) == (2, 60)
    assert 0 < second.shard.probes < requests_of(second).sent
    with pytest.raises(UsageError, match="which the gate sends at standard"):
        await run_gate(reference, shard="1/2")


@pytest.mark.catalogue
async def test_three_shards_of_the_gate_are_what_one_run_is(
    reference: GateOptions, run_gate: Judge, tmp_path: Path
) -> None:
    alone = await run_gate(reference, level=Level.STANDARD)
    files = []
    for number in range(1, 4):
        found = await run_gate(reference, level=Level.STANDARD, shard=f"{number}/3")
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(to_json(found))
    second = read_text(files[1].read_text(), "x")
    assert {each.id for each in second.judgements if each.detail == ELSEWHERE} >= set(FIRST_ALONE)
    whole = merge(files, "harness report merge")
    assert whole.verdict is alone.verdict is Verdict.GO
    assert {each.id: each.status for each in whole.judgements} == {
        each.id: each.status for each in alone.judgements
    }
    shards = [shard for file in files if (shard := read_text(file.read_text(), "x").shard)]
    sent = ShardTotals(sum(shard.probes for shard in shards), sum_of(shard.digest for shard in shards))
    assert (sent,) == expected(STRICT, Level.STANDARD, 1)
    assert all(shard.controls for shard in shards)
