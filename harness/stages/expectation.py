"""What is expected to break, read from the statements of a rollout's files: columns that a build needs or cannot fill.

An `after` replica writes columns, and perhaps a lookup table: ahead of the step that adds them it loses every row. A
`before` replica fills no new column: once that is NOT NULL, it loses its rows. NOT NULL itself is refused while a row
has no value, as where the step that fills them was done before the last old replica wrote. While an index is built
concurrently, a statement whose lock on that table conflicts with the build's waits for it, and everybody behind the
statement: it gives up by its lock_timeout, or holds up every writer. What really breaks is observed on real stages;
this is what a rule that was derived there is held to.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.database.scripts import statements_of
from harness.database.sql_statement import Action, SqlStatement, code_of, plain_name, read_statement
from harness.stages.steps import SqlStep, StepAction, StepState, Version


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of the SQL steps, which are numbered from 0."""

    needed: frozenset[int] = frozenset()
    """Steps without which an `after` replica loses its rows."""
    mandatory: frozenset[int] = frozenset()
    """Steps after which a `before` replica loses its rows."""
    refused: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Steps that are refused while one of these steps, which change rows, is stale."""
    kept_out: frozenset[tuple[StepAction, int, int]] = frozenset()
    """What is done (or taken back), the step, and the concurrent build that keeps it out by its lock."""

    def loses(self, schema: Sequence[StepState], version: Version) -> bool:
        """Whether a replica of that version is expected to lose its rows."""
        done = {number for number, state in enumerate(schema) if state in (StepState.DONE, StepState.STALE)}
        return not self.needed <= done if version is Version.AFTER else bool(self.mandatory & done)

    def refuses(self, schema: Sequence[StepState], action: StepAction, number: int) -> bool:
        """Whether the server is expected to refuse that a step is done, or taken back."""
        if any((action, number, build) in self.kept_out for build in _building(schema)):
            return True
        needed = self.refused.get(number, ()) if action is StepAction.DO else ()
        return any(schema[data] is StepState.STALE for data in needed)


def _building(schema: Sequence[StepState]) -> Iterator[int]:
    return (number for number, state in enumerate(schema) if state is StepState.BUILDING)


def expectation_of(
    sql: Sequence[SqlStep],
    written: Collection[str],
    kept_out: Collection[tuple[StepAction, int, int]] = (),
) -> Expectation:
    """What the statements say; `written` are columns and tables that the `after` build writes."""
    found = [[read_statement(each.text) for each in statements_of(step.up.text)] for step in sql]
    actions = [[action for each in statements for action in each.actions] for statements in found]
    mandatory = {number for number, some in enumerate(actions) if any(map(_is_mandatory, some))}
    refused = {
        number
        for number, some in enumerate(actions)
        if (number in mandatory and "NOT VALID" not in "".join(action.rest.upper() for action in some))
        or any(action.verb == "VALIDATE CONSTRAINT" for action in some)
    }
    return Expectation(
        frozenset(number for number, some in enumerate(found) if _added(some) & set(written)),
        frozenset(mandatory),
        {number: _data_before(sql, number) for number in sorted(refused)},
        frozenset(kept_out),
    )


def _is_mandatory(action: Action) -> bool:
    """Whether a row without a value is refused from then on."""
    code = code_of(action.rest).upper()
    if action.verb == "ADD COLUMN":
        return "NOT NULL" in code and "DEFAULT" not in code
    return re.match(r"SET NOT NULL|CHECK ?\( ?\S+ IS NOT NULL ?\)", code) is not None


def _added(statements: Iterable[SqlStatement]) -> set[str]:
    made = {plain_name(each.table) for each in statements if each.command == "CREATE TABLE"}
    actions = [action for each in statements for action in each.actions]
    return made | {plain_name(name) for verb, name, _ in actions if verb == "ADD COLUMN"}


def _data_before(sql: Sequence[SqlStep], number: int) -> frozenset[int]:
    """The steps that change rows and are needed by this one, directly or not."""
    names = set(sql[number].needs)
    for step in reversed(sql[:number]):
        if step.name in names:
            names |= set(step.needs)
    return frozenset(at for at, step in enumerate(sql) if step.data and step.name in names)
