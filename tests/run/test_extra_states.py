"""`--extra-states`: what is sent and what is refused, what the report holds, and a small rule over the wire."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.data import fixture_path
from harness.database.server import Server
from harness.errors import UsageError
from harness.report.document import Report, ShardReport, to_json
from harness.rollout import load_rollout
from harness.rule.extra_states import check_extra_states, share_max, told_extra_states
from harness.rule.level import Level
from harness.rule.policy import STRICT, Policy, policy_of
from harness.rule.shard import WHOLE, Shard
from harness.rule.suite import WIRE_MAX, bound, complete_suite, size, suite
from harness.run.gate_claims import claims_of
from harness.run.gate_forecast import forecast
from harness.run.gate_option_checks import check
from harness.run.gate_suite import REQUESTS_MAX, SUITE_MAX
from harness.run.options.gate import GateOptions
from harness.run.options.prove import ProveOptions
from harness.run.prove import prove
from harness.run.report_reading import read_text
from harness.run.shards import expected, merged
from harness.sut.external import site_of
from harness.verdict import Method, Status, Verdict
from tests.command import harness_command
from tests.rule.fix_rules import FEATURE, SMALL
from tests.run.test_shards import OF, of_shard

TOLD = "suite with 1 extra state: 40,176,034 headers, 347 times the 115,637 without"
LAST = "one run sends 300,000 at most"


@pytest.mark.parametrize(
    ("level", "extra_states", "shard", "refused"),
    [
        (
            Level.EXHAUSTIVE,
            1,
            WHOLE,
            f"{TOLD}; {LAST}; divide it with --shard 1/134, the smallest number that fits",
        ),
        (
            Level.EXHAUSTIVE,
            1,
            Shard(2, 5),
            f"{TOLD}, and shard 2/5 of it 8,035,207; {LAST}; "
            "divide it with --shard 1/134, the smallest number that fits",
        ),
        (
            Level.STANDARD,
            1,
            WHOLE,
            f"{TOLD}; it is sent at exhaustive alone, and the level is standard; "
            "add --level exhaustive --shard 1/134",
        ),
        (
            Level.EXHAUSTIVE,
            2,
            WHOLE,
            "suite with 2 extra states: 8,999,417,189 headers, 77,825 times the 115,637 without; "
            f"{LAST}, and 1,000 shards are not enough; name fewer",
        ),
    ],
    ids=["whole", "a shard too large", "another level", "too many for any shard"],
)
def test_what_is_too_large_is_refused_with_the_next_move(
    level: Level, extra_states: int, shard: Shard, refused: str
) -> None:
    with pytest.raises(UsageError) as error:
        check_extra_states(STRICT, level, extra_states, shard, WIRE_MAX)
    assert str(error.value) == f"--extra-states {extra_states}: {refused}"


def test_smallest_number_of_shards_fits_and_one_less_does_not() -> None:
    check_extra_states(STRICT, Level.EXHAUSTIVE, 1, Shard(134, 134), WIRE_MAX)
    check_extra_states(STRICT, Level.STANDARD, 0, WHOLE, WIRE_MAX)
    assert share_max(STRICT, 1, 134) <= WIRE_MAX < share_max(STRICT, 1, 133)
    with pytest.raises(UsageError, match="shard 1/133 of it 302,0"):
        check_extra_states(STRICT, Level.EXHAUSTIVE, 1, Shard(1, 133), WIRE_MAX)


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        (
            Policy("sampled", STRICT.rule, is_sampled=True),
            'the rule has no complete suite: header.suite = "sampled"',
        ),
        (FEATURE, "1,238,654,162 headers.*1,000 shards are not enough; leave it out"),
    ],
    ids=["sampled", "words"],
)
def test_a_rule_without_such_a_suite_is_refused(policy: Policy, refused: str) -> None:
    with pytest.raises(UsageError, match=refused):
        check_extra_states(policy, Level.EXHAUSTIVE, 1, WHOLE, WIRE_MAX)


def test_command_refuses_with_2_before_anything_starts() -> None:
    ended = harness_command("prove", "--extra-states", "1", "--level", "exhaustive")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert TOLD in ended.stderr
    assert "--shard 1/134" in ended.stderr


def gate_options(**more: Any) -> GateOptions:
    usual: dict[str, Any] = {"free_model": "some:free", "level": Level.EXHAUSTIVE, "extra_states": 1}
    return GateOptions("http://127.0.0.1:1", "postgresql://me@localhost/x", **usual | more)


def test_gate_leaves_room_for_what_is_beside_the_suite() -> None:
    with pytest.raises(UsageError, match="one run sends 110,000 at most; divide it with --shard 1/366"):
        check(gate_options())
    with pytest.raises(UsageError, match="--read-only sends nothing; leave one out"):
        check(gate_options(read_only=True))
    check(gate_options(shard="2/366"))
    assert (
        share_max(STRICT, 1, 366) <= SUITE_MAX < REQUESTS_MAX[Level.EXHAUSTIVE] - REQUESTS_MAX[Level.STANDARD]
    )


def test_dry_run_counts_what_a_shard_sends(small_rollout: Path) -> None:
    policy = policy_of(load_rollout(small_rollout))
    site = site_of("http://127.0.0.1:1")
    second = forecast(gate_options(rollout=small_rollout, shard="2/300"), site).requests
    assert 0 < second - share_max(policy, 1, 300) < 100  # controls, and what comes before all else
    assert forecast(gate_options(rollout=small_rollout, shard="1/300"), site).requests > second + 1_000


def test_size_is_what_is_made_and_bound_says_for_whom() -> None:
    policy = SMALL["trim inside"]
    headers = list(suite(policy, Level.EXHAUSTIVE, 1))
    assert len(set(headers)) == len(headers) == size(policy, Level.EXHAUSTIVE, 1).headers
    assert sum(map(len, headers)) == size(policy, Level.EXHAUSTIVE, 1).octets
    assert {*complete_suite(policy, 1)} <= {*headers}
    assert (
        told_extra_states(policy, 1)
        == "suite with 1 extra state: 300,823 headers, 225 times the 1,339 without"
    )
    assert "of at most 3 states" in bound(policy)
    assert "of at most 4 states, requests independent; 300,823 headers" in bound(policy, extra_states=1)
    due = expected(policy, Level.EXHAUSTIVE, 7, 1)
    assert sum(totals.headers for totals in due) == len(headers)


def shards_of(policy: Policy, **more: Any) -> list[Report]:
    """Reports of shards that have sent the suite of this rule with an extra state."""
    due = expected(policy, Level.EXHAUSTIVE, OF, 1)
    usual: dict[str, Any] = {"level": "exhaustive", "extra_states": 1}
    return [
        of_shard(number, shard=ShardReport(number, OF, *totals, 9), **usual | more)
        for number, totals in enumerate(due, start=1)
    ]


def test_shards_with_an_extra_state_are_one_verdict() -> None:
    policy = SMALL["trim inside"]
    whole = merged(shards_of(policy), claims_of("after"), "harness report merge", policy)
    assert (whole.verdict, whole.extra_states) == (Verdict.GO, 1)


def test_shards_that_do_not_make_the_suite_are_inconclusive() -> None:
    policy = SMALL["trim inside"]
    for reports, rule, told in (
        (
            shards_of(policy, extra_states=0),
            policy,
            "shard 1 of 5 has sent 60,166 headers that are not its 269",
        ),
        (
            shards_of(policy),
            STRICT,
            "5 shards would send 8,035,207 headers each, above the 300,000 that one run sends",
        ),
    ):
        whole = merged(reports, claims_of("after"), "harness report merge", rule)
        assert whole.verdict is Verdict.INCONCLUSIVE
        assert told in "; ".join(whole.remarks)


@pytest.fixture(scope="module")
def small_rollout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rollout whose rule has few states."""
    folder = tmp_path_factory.mktemp("rollouts")
    for name in ("machine-id", "kilo"):
        shutil.copytree(fixture_path(f"rollouts/{name}"), folder / name)
    file = folder / "machine-id" / "rollout.toml"
    text = file.read_text(encoding="utf-8")
    start, end = text.index("rule = ["), text.index("[store.detail]")
    rule = 'rule = [{ match = \'[ab]\' }]\noracle = "rule.js"\nexamples = ["a", "b"]\n\n'
    file.write_text(text[:start] + rule + text[end:], encoding="utf-8")
    oracle = "raw => raw !== null && /^[ab]$/.test(raw) ? raw : undefined"
    (folder / "machine-id" / "rule.js").write_text(oracle, encoding="utf-8")
    return folder / "machine-id"


def test_shard_of_a_small_rule_is_proven_over_the_wire(server: Server, small_rollout: Path) -> None:
    options = ProveOptions(
        Level.EXHAUSTIVE,
        postgres=server.dsn("postgres"),
        rollout=small_rollout,
        shard="2/900",
        extra_states=1,
        command="harness prove --level exhaustive --extra-states 1 --shard 2/900",
    )
    lines: list[str] = []
    report = prove(options, lines.append)
    policy = policy_of(load_rollout(small_rollout))
    assert any(told_extra_states(policy, 1) in line for line in lines)
    assert report.shard is not None
    assert (report.shard.probes, report.shard.digest) == expected(policy, Level.EXHAUSTIVE, 900, 1)[1]
    assert report.shard.probes > 300
    assert report.extra_states == read_text(to_json(report), "it").extra_states == 1
    judged = {each.id: each for each in report.judgements if each.id in ("V1", "V3")}
    assert {each.status for each in judged.values()} == {Status.PROVEN}
    assert {each.method for each in judged.values()} == {Method.COMPLETE}
    assert "of at most 4 states, requests independent" in bound(policy, extra_states=1)
    assert all(bound(policy, extra_states=1) in each.detail for each in judged.values())
    changed = to_json(report).replace('"extra_states": 1', '"extra_states": 0')
    with pytest.raises(UsageError, match="its extra-states is '0', and its command says --extra-states 1"):
        read_text(changed, "it")
    with pytest.raises(UsageError, match="its extra states are 10, above 9"):
        read_text(to_json(report).replace('"extra_states": 1', '"extra_states": 10'), "it")
