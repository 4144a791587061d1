"""What the commands of the release gate may be asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from harness.rule.level import Level
from harness.run.options.definition import WEEK_S, Argument, Choices, Option, PlaceValue, Range
from harness.run.options.shared import (
    LIMITS,
    TARGET,
    AllowHostOption,
    ChecksOption,
    ExtraStatesOption,
    JsonOption,
    LevelOption,
    PolicyOption,
    RequestHeadersOption,
    RolloutOption,
    SeedOption,
    SettingsOption,
    ShardOption,
    TargetDatabaseOption,
)

VERDICT: Final = "A verdict for another pipeline"

if TYPE_CHECKING:
    from harness.clients.extra_headers import ExtraHeaders
    from harness.run.under_test import UnderTest


@dataclass(frozen=True)
class GateOptions:
    """What the user of the gate asked for."""

    backend_url: Annotated[
        str,
        Option(
            "The backend, without a path. Example: https://staging.example.com", metavar="URL", group=TARGET
        ),
        PlaceValue(),
    ]
    database_url: TargetDatabaseOption
    free_model: Annotated[
        str,
        Option(
            "A model that the target serves without an account, for a rollout whose requests name one; not guessed. "
            "Example: --free-model vendor/model:free",
            metavar="ID",
            group=TARGET,
        ),
    ] = ""
    """Needed unless nothing is sent."""
    token: Annotated[
        str | None,
        Option(
            "Token of a test user, for the claims about signed-in users; without it they are unknown.",
            name="--auth-token",
            metavar="TOKEN",
            variable="HARNESS_AUTH_TOKEN",
            group=TARGET,
            secret=True,
        ),
    ] = field(default=None, repr=False)
    email: Annotated[
        str | None,
        Option(
            "E-mail of that user.",
            name="--auth-email",
            variable="HARNESS_AUTH_EMAIL",
            group=TARGET,
            secret=True,
        ),
    ] = field(default=None, repr=False)
    rollout: RolloutOption = None
    settings: SettingsOption = ()
    request_headers: RequestHeadersOption = field(default=(), repr=False)
    allowed_hosts: AllowHostOption = ()
    policy: PolicyOption = "strict"
    level: LevelOption = Level.STANDARD
    build: Annotated[
        str,
        Option("What is expected to be deployed: the backend with the plan's change, or without it."),
        Choices(("before", "after")),
    ] = "after"
    waivers: Annotated[
        Mapping[str, str],
        Option(
            "Go on although a claim is unknown; every report shows the reason. Example: --waive I1='no test account'",
            name="--waive",
            metavar="CLAIM=REASON",
        ),
    ] = field(default_factory=dict)
    """Reasons by the claim's id."""
    read_only: Annotated[
        bool, Option("Send nothing; judge the database alone. That can refute, never prove.")
    ] = False
    dry_run: Annotated[
        bool,
        Option(
            "Send nothing and connect to nothing; say which requests, addresses, rows and events are to be expected."
        ),
    ] = False
    clean: Annotated[bool, Option("Delete the rows of this run at the end; needs DELETE on both tables.")] = (
        False
    )
    journal: Annotated[
        Path | None,
        Option(
            "Where requests are noted before they are sent. By default in $XDG_STATE_HOME/rollout-harness/runs "
            "(~/.local/state/rollout-harness/runs).",
            metavar="FILE",
        ),
    ] = None
    seed: SeedOption = 0
    shard: ShardOption = ""
    extra_states: ExtraStatesOption = 0
    checks: ChecksOption = ()
    max_requests: Annotated[
        int | None, Option("Send no more than this; by default what the level takes.", group=LIMITS), Range()
    ] = None
    rate_max: Annotated[
        float | None,
        Option("Requests a second at most.", name="--rate", metavar="R", group=LIMITS),
        Range(0.01, 1e6),
    ] = None
    time_limit_s: Annotated[
        float,
        Option("End by then, with what was judged.", name="--time-limit", metavar="SECONDS", group=LIMITS),
        Range(1, WEEK_S),
    ] = 600.0
    timeout_s: Annotated[
        float,
        Option("Longest wait for one reply.", name="--timeout", metavar="SECONDS", group=LIMITS),
        Range(0.1, WEEK_S),
    ] = 30.0
    wait_rows_s: Annotated[
        float | None,
        Option(
            "Longest time that rows need after a reply. By default the first may take 60 s, later ones three times as "
            "long as the slowest so far, at least 5 s.",
            name="--wait-rows",
            metavar="SECONDS",
            group=LIMITS,
        ),
        Range(0.1, WEEK_S),
    ] = None
    """None: found out by the first ones."""
    watch_rows_s: Annotated[
        float,
        Option(
            "Shortest time for which the first rows are watched for later changes.",
            name="--watch-rows",
            metavar="SECONDS",
            group=LIMITS,
        ),
        Range(0, WEEK_S),
    ] = 2.0
    deployed: Annotated[
        str,
        Option(
            "Which build is deployed: a whole commit, or sha256: and the digest of an image. The report says so, and "
            "accept holds it to that. Example: --deployed $GITHUB_SHA",
            metavar="SHA",
            group=VERDICT,
        ),
        PlaceValue(),
    ] = ""
    deployed_from: Annotated[
        str,
        Option(
            "Where the backend itself says which build it is; asked at the start and at the end. Two answers, or "
            "another one than --deployed, are inconclusive. Example: --deployed-from json:/api/version#commit",
            metavar="header:NAME|json:/PATH#FIELD",
            group=VERDICT,
        ),
        PlaceValue(),
    ] = ""
    command: str = "harness gate"
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values by name, of a caller in this process: secret ones, too, which no command line may hold."""

    @cached_property
    def under_test(self) -> "UnderTest":
        """The rollout that the target is judged by. Raises UsageError for a folder or a parameter that is none."""
        from harness.run.under_test import under_test

        given = {"model": self.free_model or None, "token": self.token, "email": self.email}
        given |= self.parameters
        return under_test(self.rollout, self.policy, self.settings, given, self.request_headers)

    @property
    def given(self) -> "ExtraHeaders":
        """Sent with every request; of no value there is a trace."""
        return self.under_test.given


@dataclass(frozen=True, slots=True)
class SigningOptions:
    """Whether the verdict is signed, for a pipeline that has no database."""

    sign: Annotated[
        Path | None,
        Option(
            "Write the verdict, signed, with the whole report in it: an in-toto test result in a DSSE envelope, which "
            "harness accept reads. Needs --deployed or --deployed-from. Example: --sign verdict.json",
            metavar="FILE",
            group=VERDICT,
        ),
    ] = None
    keys: Annotated[
        tuple[Path, ...],
        Option(
            "Private key to sign with (Ed25519, PEM; see harness keys new); may be repeated while keys are rotated. "
            "Without it the text of HARNESS_SIGNING_KEY.",
            name="--signing-key",
            metavar="FILE",
            group=VERDICT,
        ),
    ] = ()


@dataclass(frozen=True, slots=True)
class CleanOptions:
    """Which rows are deleted: those of a run, or of all runs."""

    database_url: TargetDatabaseOption
    run: Annotated[str | None, Argument()] = None
    """The name that the run printed, or the file of its journal."""
    all_runs: Annotated[
        bool,
        Option(
            "Instead of RUN: list the rows of runs that have no journal here, told by the mark in their user agent and "
            "an address for documentation."
        ),
    ] = False
    yes: Annotated[bool, Option("With --all-runs: delete them, where both mark and address are there.")] = (
        False
    )
    json_output: JsonOption = False
    rollout: RolloutOption = None


@dataclass(frozen=True, slots=True)
class UpstreamOptions:
    """Where the stub listens."""

    port: Annotated[int, Option("0: any free one."), Range(0, 65535)] = 3001
