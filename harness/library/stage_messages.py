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


class StageReady(Struct, frozen=True, tag="ready"):
    """Where it runs."""

    urls: tuple[str, ...]
    dsn: str
    user_id: str
    email: str
    token: str
    """Of a user of the seeded database, to be signed in as."""


class StageFailed(Struct, frozen=True, tag="failed"):
    """Why it does not."""

    message: str
    misuse: bool
    """Whether what was asked for is wrong, and not the environment."""
