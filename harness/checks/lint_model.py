"""One thing to say of a migration file. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lint:
    """One thing to say of a file. `rule` is stable; `line` counts from 1, 0 means the whole file."""

    file: str
    line: int
    rule: str
    message: str
    """What is wrong, and what follows on a live table."""
    advice: str
    """The edit."""
    remedy: tuple[str, ...] = ()
    """The statements to write, each complete; empty where the edit is none of statements."""

    def describe(self) -> str:
        """All of it in one line."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        advice = f"; {self.advice}" if self.advice else ""
        return f"{where} {self.rule}: {self.message}{advice}" + (
            f": {' '.join(self.remedy)}" if self.remedy else ""
        )
