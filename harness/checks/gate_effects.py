"""Judges whether a database lets each valid value through, by its catalogue and its own expressions. Only reads."""

from typing import Final

from harness import plan
from harness.database.catalog import Connection
from harness.database.effects.model import Certainty
from harness.database.effects.survey import database_effects
from harness.rule.shapes import STORED_VALUES
from harness.verdict import Finding, Results

CLAIM: Final = "M3"


def judge_effects(results: Results, connection: Connection) -> None:
    """Refutes M3 for what certainly refuses or changes a valid value; notes what only the requests can show.

    The connection is in a transaction that reads. Raises psycopg.Error when the database cannot be asked.
    """
    for effect in database_effects(connection, STORED_VALUES):
        words = f"{effect.subject}, {effect.found}, {effect.does}"
        if effect.certainty is Certainty.CERTAIN:
            condition = f"table {plan.METADATA_TABLE} as it is"
            results.refute(Finding(CLAIM, condition, words, workaround=effect.workaround))
        else:
            results.detail(CLAIM, words)
