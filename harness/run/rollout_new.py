"""What `harness rollout new` does: writes the folder of a new rollout, whose file is checked before it is kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from harness.errors import UnavailableError, UsageError
from harness.rollout import load_rollout
from harness.rollout.reading import FILE
from harness.rollout.schema import FILE as SCHEMA_FILE
from harness.rollout.schema import to_text
from harness.run.options.rollout import NewOptions

ASKED: Final = {
    "header": "The header",
    "path": "The path of the requests that carry it",
    "table": "The table with a row for each request",
    "column": "The new column",
    "reply_column": "The column of that table that holds the reply's id",
}
"""What has no default, as a question."""


class NewRolloutDocument(Struct, frozen=True, kw_only=True, tag_field="format", tag="harness.new-rollout/1"):
    """The folder of a new rollout."""

    folder: str
    files: tuple[str, ...]
    """What was written into it, each with its folder."""


def write_rollout(options: NewOptions) -> tuple[Path, ...]:
    """Writes the folder's files and returns them.

    Raises UsageError for an answer that is missing or no name, or where there is a rollout already; UnavailableError
    where the folder cannot be written. Nothing is left then.
    """
    for name in ASKED:
        if not getattr(options, name):
            raise UsageError(f"--{name.replace('_', '-')} is missing; on a terminal it is asked for")
    if (options.detail_table is None) is not (options.detail_key is None):
        raise UsageError("--detail-table and --detail-key go together; give both or neither")
    if (options.folder / FILE).exists():
        raise UsageError(f"{options.folder / FILE} is there already; name another folder")
    is_new = not options.folder.exists()
    written: list[Path] = []
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        for name, text in _files(options).items():
            with (options.folder / name).open("x", encoding="utf-8") as file:
                written.append(options.folder / name)
                file.write(text)
        load_rollout(options.folder)
    except (OSError, UsageError) as error:
        for path in written:
            path.unlink()
        if is_new and options.folder.is_dir():
            options.folder.rmdir()
        if isinstance(error, UsageError):
            raise
        raise UnavailableError(
            f"cannot write {options.folder}: {error.strerror}; name another folder"
        ) from None
    return tuple(written)


def _files(options: NewOptions) -> dict[str, str]:
    table = _quoted(options.detail_table or options.table or "")
    column = _quoted(options.column or "")
    locks = f"-- Locks: ACCESS EXCLUSIVE on {table}, for milliseconds.\nSET lock_timeout = '2s';\n"
    return {
        FILE: "\n".join(_lines(options)) + "\n",
        SCHEMA_FILE: to_text(),
        "body.json": "{}\n",
        "up.sql": f"-- Adds the column.\n{locks}ALTER TABLE {table} ADD COLUMN {column} text;\n",
        "down.sql": f"-- Drops the column and every value in it.\n{locks}ALTER TABLE {table} DROP COLUMN {column};\n",
    }


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _lines(options: NewOptions) -> Iterator[str]:
    text = json.dumps
    yield f"#:schema ./{SCHEMA_FILE}"
    yield "# Each key and what it means: the schema beside this file. harness rollout show checks it."
    name = "".join(letter if letter.isalnum() else "-" for letter in (options.column or "").lower()).strip(
        "-"
    )
    yield f"\n[rollout]\nname = {text(name[:64])}"
    yield f'\n[request]\npaths = [{text(options.path)}]\nbodies = ["body.json"] # what such a request has as its body'
    yield f"reply_id = {text(options.reply_id)}"
    yield f"\n[header]\nname = {text(options.header)}\nrule = [{{ match = {text(options.match)} }}]"
    yield f"\n[store.main]\ntable = {text(options.table)}\nkey = {text(options.key)}"
    yield f"reply_id = {text(options.reply_column)}"
    yield '# created_at = "created_at" # when a row was written: coverage counts days by it'
    if options.detail_table is None:
        yield f"column = {text(options.column)}"
    else:
        yield f"\n[store.detail]\ntable = {text(options.detail_table)}\nkey = {text(options.detail_key)}"
        yield f"column = {text(options.column)}"
    yield '\n[[step]]\nname = "add the column"\nup = "up.sql"\ndown = "down.sql"'
    yield '\n[[step]]\nname = "deploy the backend"\nkind = "deploy"\nreplicas = 2'
    yield '\n[[step]]\nname = "release the client"\nkind = "release"'
