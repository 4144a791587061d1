"""What a stage is asked to be, and what its process answers: one JSON line each. Light, since both sides import it."""

from msgspec import Struct


class StageRequest(Struct, frozen=True):
    """What is to run."""

    schema: str
    """A state of the schema: `base`, `column` or `ready`."""
    replicas: tuple[str, ...]
    """The version of each replica: `before` or `after`."""
    before: str
    """The build that runs as `before`."""
    after: str
    policy: str
    postgres: str
    """As `--postgres` takes it."""
    rollout: str = ""
    """Its folder; empty: the plan's."""


class StageReady(Struct, frozen=True, tag="ready"):
    """Where it runs."""

    urls: tuple[str, ...]
    dsn: str
    parameters: dict[str, str]
    """What stands for {NAME} in the rollout's requests: of a user of the seeded database, to be signed in as."""


class StageFailed(Struct, frozen=True, tag="failed"):
    """Why it does not."""

    message: str
    misuse: bool
    """Whether what was asked for is wrong, and not the environment."""
