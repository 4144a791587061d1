"""How large the complete suite is with extra states, and whether a run may send its share. Nothing is enumerated."""

from harness.automata.suites import SuiteKind
from harness.errors import UsageError
from harness.rule.level import Level
from harness.rule.policy import Policy
from harness.rule.shard import SHARDS_MAX, Shard
from harness.rule.suite import kind_size, rule_of, size, why_sampled


def told_extra_states(policy: Policy, extra_states: int) -> str:
    """The size of the complete suite beside that without extra states. The policy has a machine."""
    alone = kind_size(policy, SuiteKind.COMPLETE).headers
    headers = kind_size(policy, SuiteKind.COMPLETE, extra_states).headers
    states = f"{extra_states} extra state{'s' if extra_states > 1 else ''}"
    return f"suite with {states}: {headers:,} headers, {round(headers / alone):,} times the {alone:,} without"


def share_max(policy: Policy, extra_states: int, of: int) -> int:
    """Headers of the largest of so many shards; the borders of the rule are divided with the suite."""
    return ceil_div(size(policy, Level.EXHAUSTIVE, extra_states).headers, of)


def shards_least(policy: Policy, extra_states: int, most: int) -> int:
    """The smallest number of shards of which none has more headers than this."""
    return ceil_div(size(policy, Level.EXHAUSTIVE, extra_states).headers, most)


def ceil_div(count: int, by: int) -> int:
    """The quotient, rounded up; exact for any number."""
    return -(-count // by)


def check_extra_states(policy: Policy, level: Level, extra_states: int, shard: Shard, most: int) -> None:
    """Raises UsageError where the suite with extra states is not what a run sends, or its share has too many headers.

    `most` is how many headers of the suite one run sends.
    """
    if not extra_states:
        return
    option = f"--extra-states {extra_states}"
    if rule_of(policy) is None:
        raise UsageError(f"{option}: the rule has no complete suite: {why_sampled(policy)}; leave it out")
    asked, share = told_extra_states(policy, extra_states), share_max(policy, extra_states, shard.of)
    least = shards_least(policy, extra_states, most)
    if least > SHARDS_MAX:
        raise UsageError(
            f"{option}: {asked}; one run sends {most:,} at most, and {SHARDS_MAX:,} shards are not enough; "
            f"{'leave it out' if extra_states == 1 else 'name fewer'}"
        )
    divided = f" --shard 1/{least}" if share > most else ""
    if level is not Level.EXHAUSTIVE:
        raise UsageError(
            f"{option}: {asked}; it is sent at exhaustive alone, and the level is {level}; "
            f"add --level exhaustive{divided}"
        )
    if share > most:
        part = "" if shard.is_whole else f", and shard {shard} of it {share:,}"
        raise UsageError(
            f"{option}: {asked}{part}; one run sends {most:,} at most; divide it with --shard 1/{least}, the "
            "smallest number that fits"
        )
