"""What came of a statement that a session had prepared before the column was added, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PreparedResult:
    """A prepared statement that was executed again after the column had been added."""

    statement: str
    """It, in words."""
    needed: bool
    """Whether the rollout depends on it; the others are warnings only."""
    prepared: bool
    """Whether it was a prepared statement of the session when the column was added."""
    refusals: tuple[str, ...]
    """SQLSTATE and message of each try that failed."""
    tries: int
    """How often the backend tries."""
    remedy: str = ""

    @property
    def still_works(self) -> bool:
        """Whether the first try was accepted."""
        return not self.refusals

    @property
    def words(self) -> str:
        """One line about it."""
        if self.still_works:
            return f"{self.statement} still works after the column is added"
        failed = (
            f"{self.statement} fails after the column is added, {len(self.refusals)} tries of {self.tries}:"
        )
        return f"{failed} {self.refusals[0]}; {self.remedy}".rstrip("; ")
