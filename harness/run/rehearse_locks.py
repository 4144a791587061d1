"""The locks of a rollout's steps: predicted of their statements, and as they were seen on the schema without rows."""

import re
from collections.abc import Sequence
from typing import Final

from harness.checks.lint_statements import statements
from harness.checks.registry import run_check
from harness.checks.step_locks import StepLock, steps_lock_as_predicted
from harness.database.declared import DeclaredStore
from harness.database.scripts import Script
from harness.rehearsal.own.effects import Effects
from harness.rehearsal.own.lock_prediction import PredictedLock, predicted_lock
from harness.run.own_rehearsal import OwnRehearsal

_OPENS: Final = re.compile(r"(?i)^\s*(?:BEGIN|START\s+TRANSACTION)\b")


def predicted_locks(ups: Sequence[Script], store: DeclaredStore) -> dict[str, PredictedLock]:
    """What is predicted of each statement; of none where a file opens a transaction, in which locks add up."""
    texts = [part.whole for script in ups for part in statements(script.text)]
    if any(_OPENS.match(text) for text in texts):
        return {}
    found = {text: predicted_lock(text, store.tables) for text in texts}
    return {text: lock for text, lock in found.items() if lock is not None}


def judge_locks(rehearsal: OwnRehearsal, effects: Effects, ups: Sequence[Script]) -> None:
    """Judges what the statements were seen to lock against what is predicted of them."""
    assert rehearsal.store is not None, "it is a rollout's"
    predicted = predicted_locks(ups, rehearsal.store)
    locks = [
        StepLock(effect.label, predicted[sent.text], effect.locks.get(predicted[sent.text].table))
        for sent, effect in zip(rehearsal.files.statements, effects.statements, strict=False)
        if sent.text in predicted and not effect.refused
    ]
    if predicted:
        run_check(rehearsal.results, steps_lock_as_predicted, locks)
