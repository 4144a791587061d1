"""The JSON Schema of a report, made from its types; `python -m harness.report.schema > docs/report.schema.json`.

Types say what is required and allowed; the descriptions are the docstrings of the classes, and those below the fields.
Fields that are unknown are allowed: later versions of the harness may add some.
"""

import json
from typing import Any

from harness.json_schema import schema_of
from harness.report.document import Report


def report_schema() -> dict[str, Any]:
    """The schema of `harness.report/1`, in the dialect of draft 2020-12."""
    return schema_of(Report, "A report of the rollout harness (harness.report/1)")


def to_text() -> str:
    """The schema as it is published, with a final newline."""
    return json.dumps(report_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(to_text(), end="")  # noqa: T201 - what it is for
