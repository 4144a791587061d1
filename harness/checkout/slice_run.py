"""What is made of a header, run by itself under Node: where the whole handler cannot be run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.checkout.handler import HandlerSource, received_headers
from harness.checkout.header_slice import SLICE
from harness.checkout.modules import Modules
from harness.checkout.served_modules import NotRunnableError, ServedModules, runner_path, start_message
from harness.clients.exchange import HeaderLine
from harness.errors import UnavailableError
from harness.rule.node import line, node_child

SECONDS_MAX: Final = 60.0


def slice_values(
    source: HandlerSource,
    path: Path,
    module: Mapping[str, Any],
    requests: Sequence[Sequence[HeaderLine]],
    parameters: Mapping[str, str],
) -> list[str | None]:
    """The value that is made of each request's headers; None for null and undefined.

    Raises NotRunnableError where it throws, or makes something else than text.
    """
    served = ServedModules(Modules(source.checkout), instead={path.resolve(): dict(module)})
    stubs = {of: str(file) for of, file in source.stubs.items()}
    headers = [received_headers(lines) for lines in requests]
    more = {"watched": "", "stubs": stubs, "parameters": dict(parameters), "headers": headers}
    try:
        with node_child(runner_path(), seconds_max=SECONDS_MAX) as node, node.deadline():
            node.write(line(start_message("slice", path, SLICE, **more)))
            while "need" in (answer := node.read()):
                node.write(line(served.answer(answer["need"])))
    except UnavailableError as error:
        raise NotRunnableError(str(error)) from error
    if "error" in answer:
        raise NotRunnableError(str(answer["error"]))
    values: list[str | None] = answer["values"]
    return values
