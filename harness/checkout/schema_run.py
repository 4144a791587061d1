"""schema.ts run under Node with drizzle-orm: what a table of it comes to, whatever it is written by."""

from pathlib import Path
from typing import Any, Final

from harness.checkout.evaluated_schema import EvaluatedColumn, EvaluatedIndex, EvaluatedTable
from harness.checkout.modules import Modules
from harness.checkout.served_modules import NotRunnableError, ServedModules, runner_path, start_message
from harness.errors import UnavailableError
from harness.rule.node import line, node_child

SECONDS_MAX: Final = 30.0


def evaluated_table(checkout: Path, path: Path, symbol: str) -> EvaluatedTable:
    """The table that a file exports as `symbol`; drizzle-orm must have been fetched.

    Raises NotRunnableError where the file throws, or exports no table of this name.
    """
    served = ServedModules(Modules(checkout))
    try:
        with node_child(runner_path(), seconds_max=SECONDS_MAX) as node, node.deadline():
            node.write(line(start_message("table", path, symbol)))
            while "need" in (answer := node.read()):
                node.write(line(served.answer(answer["need"])))
    except UnavailableError as error:
        raise NotRunnableError(str(error)) from error
    if "error" in answer:
        at = answer["at"] or f"{path.relative_to(checkout).as_posix()}:1"
        raise NotRunnableError(f"{at}: {answer['error']}")
    return _table(answer)


def _table(document: dict[str, Any]) -> EvaluatedTable:
    columns = (
        EvaluatedColumn(
            each["name"], each["type"], each["notNull"], each["hasDefault"], tuple(each["further"])
        )
        for each in document["columns"]
    )
    indexes = (
        EvaluatedIndex(
            each["name"] or "",
            tuple(each["columns"]),
            each["unique"],
            each["method"],
            each["partial"],
            tuple(each["options"]),
        )
        for each in document["indexes"]
    )
    return EvaluatedTable(document["name"], tuple(columns), tuple(indexes))
