"""Whether what the user of the gate asked for fits together, and the limits that follow from it."""

from collections.abc import Iterable

from harness.database.dsn import check_dsn
from harness.errors import UsageError
from harness.report.attestation import named_build
from harness.rule.extra_states import check_extra_states
from harness.rule.policy import STRICT
from harness.rule.shard import Shard
from harness.rule.suite import Level
from harness.run.gate_claims import NEVER_WAIVED
from harness.run.gate_suite import REQUESTS_MAX, SUITE_MAX
from harness.run.options.gate import GateOptions
from harness.run.probe_session import AT_END_S
from harness.run.under_test import check_needed
from harness.sut.build_source import BuildSource
from harness.sut.external import Limits
from harness.sut.foreign_rows import WAIT_S_MIN
from harness.verdict import Claim, Results


def limits_of(options: GateOptions, deadline: float) -> Limits:
    """The main part ends early enough for rows to be waited for."""
    most = REQUESTS_MAX[options.level]
    wait_s = WAIT_S_MIN if options.wait_rows_s is None else options.wait_rows_s
    rest = min(options.time_limit_s / 4, wait_s + AT_END_S)
    return Limits(
        requests_max=most if options.max_requests is None else min(most, options.max_requests),
        rate_max=options.rate_max,
        timeout_s=min(options.timeout_s, options.time_limit_s / 4),
        deadline=deadline - rest,
    )


def waive(results: Results, claim: str, reason: str) -> None:
    """Goes on without a claim. Raises UsageError as `check_waiver`."""
    check_waiver(results.claims, claim, reason)
    results.waive(claim, reason)


def check_waiver(claims: Iterable[Claim], claim: str, reason: str) -> None:
    """Raises UsageError for a claim that is not among the required ones or never waived, or without a reason."""
    known = [one.id for one in claims]
    if claim not in known:
        raise UsageError(f"cannot waive {claim!r}: required are {', '.join(known)}")
    if claim in NEVER_WAIVED:
        raise UsageError(
            f"cannot waive {claim}: without it a GO would say nothing; {', '.join(NEVER_WAIVED)} are always required"
        )
    if not reason.strip():
        raise UsageError(
            f"cannot waive {claim} without a reason; for example --waive {claim}='no test account'"
        )


def check(options: GateOptions) -> None:
    """Raises UsageError for options that do not fit together."""
    check_dsn(options.database_url)
    if not Shard.parse(options.shard).is_whole and (options.level is Level.SMOKE or options.read_only):
        raise UsageError(
            "--shard divides the header rule's suite, which the gate sends at standard and exhaustive alone; leave it "
            "out"
        )
    if options.extra_states and options.read_only:
        raise UsageError("--extra-states enlarges the suite, and --read-only sends nothing; leave one out")
    if options.deployed:
        named_build(options.deployed)
    if options.deployed_from:
        BuildSource.of(options.deployed_from)
        if options.read_only:
            raise UsageError("--deployed-from asks the backend, and --read-only sends nothing; leave one out")
    if (options.token is None) != (options.email is None):
        raise UsageError("--auth-token and --auth-email go together: rows of that user must hold that e-mail")
    if options.read_only and options.clean:
        raise UsageError("--clean has nothing to delete with --read-only; leave one out")
    under = options.under_test
    if options.free_model and "model" not in under.rollout.tables.parameter:
        raise UsageError(
            f"--free-model is a parameter of the plan's own rollout; rollout {under.rollout.name} has none of that name"
        )
    if options.rollout is not None and options.policy != STRICT.name:
        raise UsageError("--policy is another name of a rollout's folder; give --rollout alone")
    shard = Shard.parse(options.shard)
    check_extra_states(under.policy, options.level, options.extra_states, shard, SUITE_MAX)
    if not options.read_only:
        check_needed(under.rollout, under.parameters)
