"""`--rollout-claims`: which claims are collected, and the run that judges them."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin.options import LEVELS, folder, gate_options, given, named_rollout, pairs

if TYPE_CHECKING:
    from harness.pytest_plugin.items import Judge
    from harness.report.document import Report
    from harness.verdict import Claim


def add_items(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Adds an item for each claim of the reference, or of the target that is named. Raises pytest's UsageError."""
    from harness.errors import UsageError
    from harness.pytest_plugin.items import Claims

    config = session.config
    address = getattr(config, "workerinput", {}).get("rollout_server")
    shared = None if address is None else Path(address).with_name("report.json")
    target = given(config, "target")
    try:
        claims, judge = _of_target(config) if target else _of_reference(config)
    except UsageError as error:
        hint = "" if target else "; name one with --rollout-target and --rollout-database-url"
        raise pytest.UsageError(f"--rollout-claims: {error}{hint}") from None
    collector = Claims.of(session, claims, _written(judge, given(config, "json")), shared)
    collected: list[pytest.Item | pytest.Collector] = list(collector.collect())
    items.extend(item for item in collected if isinstance(item, pytest.Item))
    # Items that no file holds are told to whoever counts what was collected.
    report = pytest.CollectReport(collector.nodeid, "passed", None, collected)
    config.hook.pytest_collectreport(report=report)


def _written(judge: "Judge", file: str) -> "Judge":
    """The judge, whose report is also written to a file where one is named."""
    from harness.report.document import to_json

    def judge_and_write(chosen: frozenset[str]) -> "Report":
        report = judge(chosen)
        Path(file).write_text(to_json(report), encoding="ascii")
        return report

    return judge_and_write if file else judge


def _of_reference(config: pytest.Config) -> "tuple[tuple[Claim, ...], Judge]":
    from harness.rule.level import Level
    from harness.run.options.prove import ProveOptions
    from harness.run.proof import proof_plan
    from harness.run.prove import prove
    from harness.stages.stack import BuildPair

    level = Level(given(config, "level") or LEVELS[0])
    named = folder(config)
    options = ProveOptions(
        level=level,
        postgres=given(config, "postgres") or "embedded",
        command=f"harness prove --level {level}" + (f" --rollout {named}" if named else ""),
        rollout=Path(named) if named else None,
    )
    builds = BuildPair(after=given(config, "build") or "after")
    claims = proof_plan(options, builds, None).claims
    return claims, lambda chosen: prove(options, lambda _: None, builds=builds, only=chosen)


def _of_target(config: pytest.Config) -> "tuple[tuple[Claim, ...], Judge]":
    from harness.checks.user_checks import user_claims
    from harness.library.gate import gate
    from harness.rule.policy import STRICT, policy_of
    from harness.run.gate_claims import DATABASE_CLAIMS, claims_of
    from harness.run.gate_option_checks import check_waiver

    def judge(chosen: frozenset[str]) -> "Report":
        read_only = chosen <= frozenset(DATABASE_CLAIMS)
        return gate(
            given(config, "target"),
            given(config, "database-url"),
            read_only=read_only,
            **gate_options(config),
        )

    rollout = named_rollout(config)
    build = "before" if given(config, "build") == "before" else "after"
    policy = STRICT if rollout is None else policy_of(rollout)
    claims = (*claims_of(build, policy.name, rollout), *user_claims())
    for claim, reason in pairs(config, "waive").items():
        check_waiver(claims, claim, reason)
    return claims, judge
