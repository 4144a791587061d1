"""Why a role may not see all that is there: what is hidden must not count as absent. Pure; `visibility` finds them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why some rows or values may be hidden from the role, and what would help."""

    table: str
    sentence: str
    remedy: str
    """A statement for the owner, or what else to do."""
    elsewhere: bool = False
    """Whether what is found may be another relation than the one that is written."""
    ambiguous: bool = False
    """Whether that is because there are others of its name."""
    stale: bool = False
    """Whether all of the server is as it was some time ago, its catalogue, too."""
    refused: bool = False
    """Whether the server refuses to read at all; else it reads something that may not be everything."""
    filtered: bool = False
    """Whether that is by a policy: the planner may be asked, then."""

    def describe(self) -> str:
        """The reason and the remedy in one line."""
        return f"{self.sentence}; {self.remedy}"
