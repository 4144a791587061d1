"""Which rollout a replica serves."""

from harness.backend.serve import ReplicaConfig
from harness.data import fixture_path
from harness.rollout import default_rollout, load_rollout


def test_the_plans_rollout_is_not_handed_to_a_replica() -> None:
    """Its folder may be another one there, a checkout's or a wheel's, and faulty builds are the plan's own alone."""
    config = ReplicaConfig("limit-256", "strict", "", "", "", rollout=default_rollout())
    assert config.rollout is None
    other = load_rollout(fixture_path("rollouts/feature"))
    assert ReplicaConfig("after", "strict", "", "", "", rollout=other).rollout == other
