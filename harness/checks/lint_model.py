"""One fault of a migration file. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lint:
    """One thing that is wrong with a file. `rule` is stable; `line` counts from 1, 0 means the whole file."""

    file: str
    line: int
    rule: str
    message: str
    advice: str

    def describe(self) -> str:
        """All of it in one line."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where} {self.rule}: {self.message}" + (f"; {self.advice}" if self.advice else "")
