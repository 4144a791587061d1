"""What `harness doctor` may be asked for."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from harness.run.options.definition import Option, PlaceValue
from harness.run.options.shared import (
    TARGET,
    JsonOption,
    RequestHeadersOption,
    RolloutOption,
    given_headers,
)

if TYPE_CHECKING:
    from harness.clients.extra_headers import ExtraHeaders


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """What is looked at beside this machine, and how it is told."""

    target: Annotated[
        str | None,
        Option(
            "A backend to look at, too: one GET of each path, which leaves no row. Example: --target "
            "https://staging.example.com",
            metavar="URL",
            group=TARGET,
        ),
        PlaceValue(),
    ] = None
    database_url: Annotated[
        str | None,
        Option(
            "A target's database to look at, too; nothing is changed in it. Example: "
            "postgresql://reader@db.example.com/backend",
            metavar="DSN",
            variable="HARNESS_DATABASE_URL",
            group=TARGET,
        ),
        PlaceValue(),
    ] = None
    request_headers: RequestHeadersOption = field(default=(), repr=False)
    rollout: RolloutOption = None
    json_output: JsonOption = False

    @property
    def given(self) -> "ExtraHeaders":
        """Sent with every request; of no value there is a trace."""
        return given_headers(self.request_headers)
