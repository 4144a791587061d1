"""A stored report that was changed, or is not whole, is never shown as what it says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness import plan
from harness.cli.report import report as report_command
from harness.errors import UsageError
from harness.report.document import JudgedBy, to_json
from harness.rule.suite import Level
from harness.run import gate_claims as gate
from harness.run import proof_claims, rehearsal_claims
from harness.run.options.rehearse import RehearsalPart, RehearseOptions
from harness.run.report_reading import read_text
from harness.verdict import Claim
from tests.report.sample import judgement, report, whole_report

Document = dict[str, Any]


def document(
    claims: tuple[Claim, ...] | None = None, command: str = "gate", scope: str = "after", level: str = "smoke"
) -> Document:
    """A GO report, as JSON that may be changed."""
    told = [judgement(claim) for claim in claims or gate.claims_of("after")]
    line = f"harness {command}" + (f" --level {level}" if command in ("prove", "gate") else "")
    made = report(
        *told, level=level, command=line, seed=0, judged_by=JudgedBy.of(command, scope.split(), told)
    )
    found: Document = json.loads(to_json(made))
    return found


def read(changed: Document) -> str:
    return str(read_text(json.dumps(changed), "r.json").verdict)


def drop(changed: Document, count: int) -> None:
    del changed["claims"][:count]


def drop_the_list(changed: Document) -> None:
    del changed["judged_by"]
    drop(changed, 3)


def drop_everywhere(changed: Document) -> None:
    for claims in (changed["claims"], changed["judged_by"]["claims"]):
        claims[:] = [claim for claim in claims if claim["id"] != "V2"]


def in_claim(number: int = 0, **given: object) -> Callable[[Document], None]:
    return lambda changed: changed["claims"][number].update(given)


def in_requests(**given: object) -> Callable[[Document], None]:
    return lambda changed: changed["sections"]["requests"].update(given)


def with_option(option: str) -> Callable[[Document], None]:
    return lambda changed: changed.update(command=f"{changed['command']} {option}")


FINDING = {
    **dict.fromkeys(("condition", "effect", "request", "reply", "row", "replay", "workaround"), "x"),
    "claim": "V1",
    "weight": 1,
    "times": 1,
}

CHANGES: dict[str, tuple[Callable[[Document], object], str]] = {
    "twelve claims removed": (lambda changed: drop(changed, 12), "12 claims that it must judge are missing"),
    "one claim removed": (lambda changed: drop(changed, 1), "missing (V1)"),
    "removed from the list, too": (drop_everywhere, "missing (V2)"),
    "all removed": (lambda changed: drop(changed, 99), "follows from its claims"),
    "the list removed": (drop_the_list, "missing (V1, V2, V3)"),
    "one not required": (lambda changed: changed["judged_by"]["claims"][0].update(required=False), "does not require"),
    "one is the user's": (lambda changed: changed["judged_by"]["claims"][0].update(whose="user"), "does not require"),
    "a claim twice": (lambda changed: changed["claims"].append(changed["claims"][0]), "there twice (V1)"),
    "the other build": (lambda changed: changed["judged_by"].update(scope=["before"]), "missing (C1)"),
    "another command": (lambda changed: changed["judged_by"].update(command="selftest"), "missing (S1, S2)"),
    "a command that judges nothing": (lambda changed: changed["judged_by"].update(command="serve"), "judges nothing"),
    "another sentence": (in_claim(sentence="All is well."), "another sentence"),
    "too few observations": (in_claim(observed=0), "V1 is proven, by 0 observations"),
    "a count below zero": (in_claim(observed=-5), ">= 0 - at `$.claims[0].observed`"),
    "a finding hidden": (in_claim(refuting=3), "although something refutes it"),
    "a finding in what is proven": (in_claim(findings=[FINDING]), "although something refutes it"),
    "refuted by nothing": (in_claim(status="refuted"), "follows from its claims"),
    "a finding of another": (in_claim(1, status="refuted", refuting=1, findings=[FINDING]), "follows from its claims"),
    "waived that cannot be": (in_claim(status="unknown", waived="so"), "V1 is waived, which it cannot be"),
    "the verdict": (lambda changed: changed.update(verdict="NO-GO"), "but GO follows"),
    "the lowest count lowered": (in_claim(least=-1, observed=-1), ">= 0 - at `$.claims[0]."),
    "nothing sent": (in_requests(sent=0, listed=[]), "V1 was observed 4321 times, and 0 requests were sent"),
    "fewer sent than observed": (in_requests(sent=4320), "R1 was observed 4321 times, and 4320 requests were sent"),
    "no word of requests": (lambda changed: changed["sections"].clear(), "and 0 requests were sent"),
    "nothing sent where a claim is of rows": (in_requests(sent=0, listed=[]), "I2 was observed 4321 times, and 0"),
    "fewer sent than listed": (in_requests(sent=0), "it lists 1 requests, and says that 0 were sent"),
    "sent below zero": (in_requests(sent=-1), ">= 0 - at `$.sections.requests.sent`"),
    "a policy that nobody knows": (lambda changed: changed.update(policy="lax"), "policy 'lax' is none of"),
    "another policy": (lambda changed: changed.update(policy="length-only"), "V1 has the sentence of policy strict"),
    "the rule of another policy": (
        lambda changed: changed.update(inputs=[{"name": "fixtures/rollouts/length-only/rule.js", "sha256": "ab" * 32}]),
        "its inputs hold the rule of policy length-only",
    ),
    "the policy of the command": (with_option("--policy length-only"), "its command says --policy length-only"),
    "the seed of the command": (with_option("--seed=8"), "its seed is '0', and its command says --seed 8"),
    "the level of the command": (with_option("--level exhaustive"), "its command says --level exhaustive"),
    "a level that nobody knows": (lambda changed: changed.update(level="much"), "'much' is not a valid Level"),
    "a seed below zero": (lambda changed: changed.update(seed=-1), ">= 0 - at `$.seed`"),
    "a seed too big": (lambda changed: changed.update(seed=2**64), "its seed 18446744073709551616 is above"),
    "a seed that is no number": (lambda changed: changed.update(seed="0"), "Expected `int`, got `str` - at `$.seed`"),
}  # fmt: skip


def test_a_whole_report_is_read() -> None:
    assert read(document()) == "GO"


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_report_is_refused_with_what_is_wrong(name: str) -> None:
    change, told = CHANGES[name]
    changed = document()
    change(changed)
    with pytest.raises(UsageError, match=r"cannot render r\.json: ") as refused:
        read(changed)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("verdict", "change", "told"),
    [
        ("NO-GO", in_claim(status="refuted"), "by 0 observations, of which 0 are shown"),
        (
            "NO-GO",
            in_claim(status="refuted", refuting=1, findings=[FINDING | {"times": 9}]),
            "of which 9 are shown",
        ),
        (
            "NO-GO",
            in_claim(1, status="refuted", refuting=1, findings=[FINDING]),
            "with a finding of another claim",
        ),
        ("INCONCLUSIVE", in_claim(status="unknown", refuting=1), "although something refutes it"),
    ],
)
def test_a_verdict_that_follows_does_not_help(
    verdict: str, change: Callable[[Document], None], told: str
) -> None:
    changed = document()
    change(changed)
    with pytest.raises(UsageError, match=told):
        read(changed | {"verdict": verdict})


def test_the_other_policy_is_held_to_its_own_sentences() -> None:
    claims = gate.claims_of("after", "length-only")
    other = document(claims) | {"policy": "length-only"}
    assert read(other) == "GO"
    with pytest.raises(UsageError, match="V3 has the sentence of policy length-only"):
        read(other | {"policy": "strict"})


def without_list(told: Document, command: str) -> Document:
    """As the first edition wrote it."""
    del told["judged_by"]
    kept = [claim for claim in told["claims"] if claim["id"] != "R3"]
    return told | {"claims": kept, "command": command}


@pytest.mark.parametrize(
    ("claims", "level", "command"),
    [
        (gate.claims_of("after"), "smoke", "harness gate --backend-url http://x"),
        (gate.claims_of("before"), "standard", "harness gate --backend-url http://x --build before"),
        (gate.claims_of("before"), "standard", "harness gate --build=before --backend-url http://x"),
        *((proof_claims.claims_of(level), str(level), f"harness prove --level {level}") for level in Level),
        (plan.SELFTEST_CLAIMS, "", "harness selftest"),
    ],
)
def test_reports_of_the_first_edition_are_held_to_its_list(
    claims: tuple[Claim, ...], level: str, command: str
) -> None:
    old = without_list(document(claims, level=level), command)
    assert read(old) == "GO"
    drop(old, 1)
    with pytest.raises(UsageError, match=r"1 claims that it must judge are missing"):
        read(old)


@pytest.mark.parametrize("words", ["", " --part locks", " --part=matrix --part traps", " --max-stall-ms 100"])
def test_a_rehearsal_is_held_to_its_parts(words: str) -> None:
    scope = [part for part in RehearsalPart if not words or str(part) in words or "max" in words]
    stall_ms = 100.0 if "max" in words else None
    sentences = {claim.id for claim, _, _ in plan.MIGRATION_AUDIT}
    options = RehearseOptions(parts=frozenset(scope), max_stall_ms=stall_ms)
    claims = tuple(claim for claim in rehearsal_claims.claims_of(options) if claim.id not in sentences)
    listed = " ".join([*scope, *(["max-stall-ms"] if stall_ms else [])])
    told = document(claims, "rehearse", listed, "1000 rows")
    assert read(told) == "GO"
    assert read(without_list(told, f"harness rehearse{words}")) == "GO"


def test_a_report_comes_on_standard_input_and_is_not_overwritten(tmp_path: Path) -> None:
    text = to_json(whole_report())
    file = tmp_path / "r.json"
    file.write_text(text)
    assert CliRunner().invoke(report_command, ["-"], input=text).exit_code == 0
    with pytest.raises(UsageError, match="cannot render standard input: this is no JSON"):
        CliRunner().invoke(report_command, ["-"], input="", catch_exceptions=False)
    with pytest.raises(UsageError, match="is the report itself, which would be lost"):
        CliRunner().invoke(
            report_command, [str(file), "--html", f"{tmp_path}/./r.json"], catch_exceptions=False
        )
    assert file.read_text() == text
