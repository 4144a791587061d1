"""The files and statements of the plan's rollout and of its rollback. Pure."""

import re
from typing import Final

from harness.database.declared import plan_store
from harness.database.scripts import Script, statements_of

_ROLLOUT: Final = plan_store().rollout


def _script(file: str | None) -> Script:
    assert file is not None, "the default rollout's steps have files of both directions"
    return Script.ours(file)


_ADD, _BUILD = (step for step in _ROLLOUT.tables.step if step.up)
BASELINE: Final = _script(_ROLLOUT.tables.reference.baseline)
ADD, BUILD = _script(_ADD.up), _script(_BUILD.up)
_VIEW: Final = _ROLLOUT.tables.reference.view
VIEW: Final = _script(_VIEW.up if _VIEW else None)
"""Lets the view read the column."""


def last_statement(script: Script) -> str:
    """The last statement of a file."""
    return statements_of(script.text)[-1].text


ADD_COLUMN: Final = last_statement(ADD)
BUILD_INDEX: Final = last_statement(BUILD)
DROP_INDEX: Final = last_statement(_script(_BUILD.down))
DROP_COLUMN: Final = last_statement(_script(_ADD.down))


def without_concurrently(statement: str) -> str:
    """The same statement without CONCURRENTLY."""
    return re.sub(r"\bCONCURRENTLY\s+", "", statement, flags=re.IGNORECASE)
