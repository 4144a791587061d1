"""Tables of a rollout's file: its steps, their order, and what the reference and the runner have of them. Pure."""

from collections.abc import Mapping
from typing import Literal

from harness.rollout.file_types import (
    FileName,
    FileTable,
    Identifier,
    Replicas,
    Title,
    Token,
    ValueName,
)


class RolloutStep(FileTable, frozen=True):
    """One step of the rollout."""

    name: Title
    kind: Literal["sql", "deploy", "release"] = "sql"
    up: FileName | None = None
    down: FileName | None = None
    """The file that takes the step back."""
    recovery: FileName | None = None
    """What is run after a concurrent build that failed."""
    concurrent: bool = False
    """The file builds an index concurrently, and so cannot run in a transaction."""
    data: bool = False
    """The file changes rows; done too early it is stale, and is done again."""
    needs: tuple[str, ...] | None = None
    """Names of the steps that must be done before; by default the SQL step before it."""
    replicas: Replicas = 2
    """Of a deployment: how many are swapped, one after another."""
    reversible: bool | None = None
    """By default whether there is a `down`; a deployment is reversible, a release is not."""


class PlanOrder(FileTable, frozen=True):
    """What the plan says of the order."""

    steps: tuple[str, ...] = ()
    """The plan's own order; by default the file's."""
    stated: tuple[tuple[str, str], ...] = ()
    """Pairs of steps, the first before the second, as the plan says."""
    implied: tuple[tuple[str, str], ...] = ()
    """As the plan takes for granted."""


class ReferenceView(FileTable, frozen=True):
    """A view that reads the column."""

    up: FileName
    down: FileName


class Reference(FileTable, frozen=True):
    """What the harness's own reference backend runs on."""

    baseline: FileName | None = None
    """The tables before the rollout."""
    seed: FileName | None = None
    """Rows that are there before the rollout."""
    insert: FileName | None = None
    """The statement that accounts for a request, with marks {columns}, {values} and, with `ctes`, {ctes}; in it stand
    %(usage_id)s, %(user_id)s for who is accounted, %(message_id)s for the reply's id, and others."""
    ctes: FileName | None = None
    """Common table expressions that the build with the change adds."""
    columns: Mapping[Identifier, str] = {}
    """Columns that the build with the change writes, each with its expression; {value} is what the rule made."""
    headers: Mapping[ValueName, Token] = {}
    """Values of the statement that come from another header of the request."""
    view: ReferenceView | None = None


class RunnerTable(FileTable, frozen=True):
    """How the project applies its migrations."""

    kind: Literal["statements", "drizzle"] = "statements"
    file: FileName | None = None
    """The migration as the plan writes it."""
