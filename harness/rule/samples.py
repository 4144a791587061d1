"""Draws headers from the strategies without running anything: the same seed, the same headers."""

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from harness.rule.cases import NAME, CaseSequence
from harness.rule.policy import Policy
from harness.rule.strategies import header_cases, sequences


def sampled_sequences(
    policy: Policy, count: int, seed_: int, header: bytes = NAME
) -> tuple[CaseSequence, ...]:
    """So many sequences of requests: single cases of every kind, and such as show a value that sticks."""
    drawn: list[CaseSequence] = []
    single = header_cases(policy, header=header).map(lambda case: (case,))

    @seed(seed_)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(single, single, sequences(policy, header)))
    def draw(sequence: CaseSequence) -> None:
        drawn.append(sequence)

    draw()
    return tuple(drawn)
