"""What `harness fuzz` and `harness replay` may be asked for."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from harness.run.options.definition import WEEK_S, Argument, Choices, Option, PlaceValue, Range
from harness.run.options.shared import (
    TARGET,
    AllowHostOption,
    JsonOption,
    PolicyOption,
    PostgresOption,
    RequestHeadersOption,
    RolloutOption,
    SeedOption,
    SettingsOption,
)

if TYPE_CHECKING:
    from harness.clients.extra_headers import ExtraHeaders
    from harness.run.under_test import UnderTest

REFERENCE: Final = "reference"


@dataclass(frozen=True)
class BackendOptions:
    """Which backend is asked; target and build are a recipe's where none is given."""

    target: Annotated[
        str | None,
        Option("As for fuzz; by default what the file names, or reference.", metavar="URL", group=TARGET),
        PlaceValue(),
    ] = None
    database_url: Annotated[
        str | None,
        Option(
            "Database of a --target URL; the harness only reads it.",
            metavar="DSN",
            variable="HARNESS_DATABASE_URL",
            group=TARGET,
        ),
        PlaceValue(),
    ] = None
    build: Annotated[
        str | None,
        Option(
            "Build of the reference backend; by default the file's, or after.", metavar="NAME", group=TARGET
        ),
    ] = None
    free_model: Annotated[
        str | None,
        Option(
            "A model that a --target URL serves without an account. Example: --free-model vendor/model:free",
            metavar="ID",
            group=TARGET,
        ),
    ] = None
    wait_s: Annotated[
        float | None,
        Option(
            "Longest wait for the rows of a reply of a --target URL. By default the first may take 60 s, later ones "
            "three times as long, at least 5 s.",
            name="--wait-rows",
            metavar="SECONDS",
            group=TARGET,
        ),
        Range(0.1, WEEK_S),
    ] = None
    journal: Annotated[
        Path | None,
        Option(
            "Where requests to a --target URL are noted before they are sent, for harness clean. By default in "
            "$XDG_STATE_HOME/rollout-harness/runs (~/.local/state/rollout-harness/runs).",
            metavar="FILE",
            group=TARGET,
        ),
    ] = None
    rollout: RolloutOption = None
    settings: SettingsOption = ()
    request_headers: RequestHeadersOption = field(default=(), repr=False)
    allowed_hosts: AllowHostOption = ()
    policy: PolicyOption = "strict"
    postgres: PostgresOption = "embedded"

    @cached_property
    def under_test(self) -> "UnderTest":
        """The rollout that the backend is judged by. Raises UsageError for a folder or a parameter that is none."""
        from harness.run.under_test import under_test

        return under_test(
            self.rollout, self.policy, self.settings, {"model": self.model}, self.request_headers
        )

    @property
    def given(self) -> "ExtraHeaders":
        """Sent with every request; of no value there is a trace."""
        return self.under_test.given

    @property
    def model(self) -> str:
        """The model that requests name: the stub's where none is given."""
        from harness.clients.extension import FREE_MODEL

        return self.free_model or FREE_MODEL


@dataclass(frozen=True)
class FuzzedOptions(BackendOptions):
    """Which backend is judged; `build` and `postgres` are the reference's."""

    target: Annotated[
        str,
        Option(
            "reference, or the URL of your own backend; with a URL, --database-url says where its rows are. "
            "Example: --target http://127.0.0.1:3000 --database-url postgresql://me@localhost/backend",
            metavar="URL",
            group=TARGET,
        ),
        PlaceValue(),
    ] = REFERENCE
    build: Annotated[
        str,
        Option(
            "Build of the reference backend; a faulty one shows what a find looks like. Example: --build limit-256",
            metavar="NAME",
            group=TARGET,
        ),
    ] = "after"


@dataclass(frozen=True, slots=True)
class FuzzOptions:
    """What the user asked for. With `examples` the time does not count."""

    subject: FuzzedOptions = field(default_factory=FuzzedOptions)
    seconds: Annotated[float, Option("How long to hunt."), Range(0.1, WEEK_S)] = 60.0
    examples: Annotated[
        int | None, Option("Hunt for so many examples instead. Example: --examples 500"), Range()
    ] = None
    function: Annotated[bool, Option("Compare Python's rule with Node's instead; no server is started.")] = (
        False
    )
    list_builds: Annotated[bool, Option("Name the reference's builds, the faulty ones too, and end.")] = False
    seed: SeedOption = 0
    shard: Annotated[
        str,
        Option(
            "Draw this part of the examples that the seed gives, for several machines at once; a redis:// URL as "
            "--example-db shares what they find. Example: --shard 2/5",
            metavar="K/N",
        ),
        PlaceValue(),
    ] = ""
    example_db: Annotated[
        str,
        Option(
            "Where Hypothesis keeps examples, by default in $XDG_STATE_HOME/rollout-harness/examples "
            "(~/.local/state/rollout-harness/examples); a redis:// URL shares them between machines.",
            metavar="DIR|URL",
        ),
    ] = ""
    json_output: JsonOption = False


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What is sent again, and to which backend."""

    file: Annotated[Path | None, Argument()] = None
    lines: Annotated[
        tuple[str, ...],
        Option(
            "Instead of a file: a header line of one request, bytes beyond printable ASCII as \\xNN; may be repeated.",
            name="--line",
            metavar="'NAME: VALUE'",
        ),
    ] = ()
    exploration: Annotated[
        str | None,
        Option(
            "Instead of a file: a failure of prove's random exploration, as its finding names it.",
            metavar="WORD",
        ),
    ] = None
    auth: Annotated[
        str, Option("How a --line request is signed."), Choices(("anonymous", "junk token", "signed in"))
    ] = "anonymous"
    stream: Annotated[bool, Option("Let a --line request ask for a streamed reply.")] = False
    json_output: JsonOption = False
    backend: BackendOptions = field(default_factory=BackendOptions)
