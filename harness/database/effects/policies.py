"""What row-level security refuses to store: the policies that look at rows which are inserted."""

import re
from collections.abc import Iterator

from harness.database.catalog import Connection
from harness.database.effects import facts
from harness.database.effects.model import Certainty, Effect, Target, describe_outcomes, harms, one_line
from harness.database.evaluation import DEPENDS, OpenError, evaluated, identifier
from harness.database.value_outcome import ValueOutcome


def policy_effects(connection: Connection, target: Target) -> Iterator[Effect]:
    """An effect for each policy that names the column.

    None is certain: whether a policy holds depends on the role that writes, which this one need not be.
    """
    for policy in facts.policies(connection, target.table):
        expression = target.in_terms(policy.check)
        if not re.search(rf"(?<!\w){re.escape(target.column)}(?!\w)", expression):
            continue
        try:
            found = evaluated(connection, expression, target.column, target.type, target.values)
        except OpenError as error:
            reason = (
                "depends on other columns, too" if error.sqlstate == DEPENDS else f"cannot be tried: {error}"
            )
            does, certainty = reason, Certainty.OPEN
        else:
            outcomes = [
                ValueOutcome(
                    outcome.value,
                    outcome.value,
                    outcome.refused or ("" if outcome.result == "true" else "not allowed"),
                )
                for outcome in found
            ]
            does, certainty = (
                describe_outcomes(outcomes),
                Certainty.OPEN if harms(outcomes) else Certainty.NONE,
            )
        who = f"holds for {', '.join(policy.roles)}{'' if policy.forced else ', not for the owner'}"
        more = ", if no other policy allows it" if policy.permissive else ""
        yield Effect(
            f"policy {policy.name} of {target.table}",
            f"WITH CHECK ({one_line(policy.check)})",
            f"{does}{more}; {who}",
            certainty,
            (f"DROP POLICY {identifier(policy.name)} ON {identifier(target.table)};",),
            "or take the column out of its check",
        )
