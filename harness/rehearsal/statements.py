"""The statements of the rollout and of its rollback, each by itself. Pure."""

import re
from typing import Final

from harness.data import sql_text
from harness.database.migration_steps import BACKWARD, FORWARD
from harness.database.schema_state import SchemaState
from harness.database.scripts import statements_of


def last_statement(file: str) -> str:
    """The last statement of a file below `sql/`."""
    return statements_of(sql_text(file))[-1].text


ADD_COLUMN: Final = last_statement(FORWARD[SchemaState.BASE].file)
BUILD_INDEX: Final = last_statement(FORWARD[SchemaState.COLUMN].file)
DROP_INDEX: Final = last_statement(BACKWARD[SchemaState.READY].file)
DROP_COLUMN: Final = last_statement(BACKWARD[SchemaState.COLUMN].file)


def without_concurrently(statement: str) -> str:
    """The same statement without CONCURRENTLY."""
    return re.sub(r"\bCONCURRENTLY\s+", "", statement, flags=re.IGNORECASE)
