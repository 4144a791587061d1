"""What must hold between the keys of a rollout's file, and between it and the files that it names. Text only."""

import json
import re
from collections.abc import Sequence
from typing import Final

import sqlparse

from harness.automata.compiled import compiled
from harness.automata.machine import StateMachine, TooLargeError
from harness.automata.pattern import ParsedPattern, PatternError, parsed
from harness.rollout.claims_checking import check_claims
from harness.rollout.files import Files, Place, further_files
from harness.rollout.steps import check_order, check_steps, twice
from harness.rollout.tables import FILLED_IN, Identity, Tables
from harness.rollout.typed import VALUE_MAX, Problem, dotted

PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""A name in braces; no object of JSON begins so."""
NEED_OPTION: Final = ("options", "provider")
"""Files of the client in which the option is looked for."""
OPERATIONS: Final = ("take", "trim", "lower", "match", "one_of")
OF_HTTP: Final = frozenset(
    ("connection", "content-encoding", "content-length", "expect", "host", "keep-alive", "te", "trailer")
) | {"transfer-encoding", "upgrade"}
_PARAMETER: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def check(tables: Tables, files: Files) -> None:
    """Raises Problem for the first thing that does not hold."""
    for rule in (
        _parameters,
        _header,
        _store,
        _identities,
        _request,
        check_steps,
        check_order,
        _reference,
        _client,
        check_claims,
    ):
        rule(tables, files)
    for place, name in further_files(tables):
        files.text(place, name)


def _parameters(tables: Tables, _files: Files) -> None:
    for name in tables.parameter:
        if not _PARAMETER.fullmatch(name):
            raise Problem(
                ("parameter", name), f"parameter.{name} is no name; expected lower-case letters, digits and _"
            )
        if name in FILLED_IN:
            raise Problem(
                ("parameter", name),
                f"parameter.{name}: {{{name}}} is filled in by a run; choose another name",
            )


def _header(tables: Tables, _files: Files) -> None:
    header = tables.header
    if header is None:
        return
    if header.name.lower() in OF_HTTP:
        raise Problem(
            ("header", "name"),
            f"header.name = {json.dumps(header.name)} is HTTP's own, by which servers read requests; expected one of "
            "the application's",
        )
    for index, operation in enumerate(header.rule):
        place = ("header", "rule", index)
        given = [name for name in OPERATIONS if getattr(operation, name) is not None]
        if len(given) != 1:
            raise Problem(
                place,
                f"{dotted(place)} has {' and '.join(given) or 'none'}; expected one of {', '.join(OPERATIONS)}",
            )
        if operation.unit != "units" and operation.take is None:
            raise Problem(place, f"{dotted(place)}.unit goes with take; {given[0]} has none")
        if operation.match is not None:
            _pattern(operation.match, (*place, "match"), suite=header.suite != "sampled")
    others = (name for name, values in tables.request.headers.items() if values)
    if name := next((name for name in others if name.lower() == header.name.lower()), None):
        raise Problem(("request", "headers"), f"request.headers: {name} is the header that is rolled out")
    for path in header.absent:
        if path not in tables.request.paths:
            raise Problem(("header", "absent", path), f"header.absent: {path} is no path of request.paths")


def _pattern(source: str, place: Place, *, suite: bool) -> None:
    quoted = f"'{source}'" if "'" not in source else json.dumps(source, ensure_ascii=False)
    shown = f"{dotted(place)} = {quoted if len(quoted) <= VALUE_MAX else quoted[:VALUE_MAX] + '...'}"
    try:
        pattern = parsed(source)
    except PatternError as error:
        raise Problem(
            place,
            f"{shown} is no regular expression: {error}; expected JavaScript's, without slashes and flags",
        ) from None
    if suite and (reason := _no_automaton(pattern)):
        raise Problem(
            place,
            f"{shown}: {reason}, of which the suite is made; without the suite gate, fuzz and orders still work: "
            'set header.suite = "sampled"',
        )
    if suite and not _takes_a_text(compiled(pattern.tree)):
        raise Problem(place, f"{shown} fits no text that a header holds, so that nothing would be stored")


def _no_automaton(pattern: ParsedPattern) -> str:
    if pattern.obstacle:
        return f"{pattern.obstacle} has no finite automaton"
    try:
        compiled(pattern.tree)
    except TooLargeError as error:
        return f"{error} in its finite automaton"
    return ""


def _takes_a_text(machine: StateMachine) -> bool:
    return any(machine.answers[to] for row in machine.table for to in row)


def _store(tables: Tables, files: Files) -> None:
    main, detail = tables.store.main, tables.store.detail
    if detail is None:
        if main.reply_id is None:
            raise Problem(
                ("store", "main"), "store.main has no reply_id, and there is no store.detail with one"
            )
        if tables.header and main.column is None:
            raise Problem(
                ("store", "main"), "store.main.column is missing; expected the column that is rolled out"
            )
        return
    if main.column is not None:
        raise Problem(
            ("store", "main", "column"),
            "store.main.column: the column is store.detail's; give it there alone",
        )
    for name in ("table", "key", *(["column"] if tables.header else ())):
        if getattr(detail, name) is None:
            raise Problem(
                ("store", "detail"), f"store.detail.{name} is missing; expected a name in the database"
            )
    if main.reply_id is None and detail.reply_id is None:
        raise Problem(("store",), "store: neither main nor detail has a reply_id; rows are found by it")
    if detail.rows:
        place = ("store", "detail", "rows")
        statements = [text for text in sqlparse.split(files.text(place, detail.rows)) if text.strip(" \n;")]
        if len(statements) != 1:
            raise Problem(place, f"{detail.rows}: {len(statements)} statements; expected one SELECT")
        for column in ("key", "value"):
            if not re.search(rf"\b{column}\b", statements[0]):
                raise Problem(
                    place, f'{detail.rows}: no column "{column}"; expected key and value by these names'
                )


def _identities(tables: Tables, _files: Files) -> None:
    place: Place
    for name in twice(identity.name for identity in tables.identity):
        raise Problem(("identity",), f'identity "{name}": two identities of that name')
    if not tables.identity:
        raise Problem(("identity",), "identity is empty; leave it out for one identity that anybody is")
    for index, identity in enumerate(tables.identity):
        texts = (("auth", identity.auth), ("user", identity.user), ("value", identity.value))
        for key, text in (*texts, *((f"headers.{name}", value) for name, value in identity.headers.items())):
            place = ("identity", index, key)
            _known(tables, place, text, f'identity "{identity.name}": {key}')
        if identity.user is not None and tables.store.main.user is None:
            place = ("identity", index, "user")
            raise Problem(place, f'identity "{identity.name}" has a user; store.main.user is not set')
        if identity.like is not None:
            _alike(identity, tables.identity[:index], ("identity", index, "like"))


def _alike(identity: Identity, before: Sequence[Identity], place: Place) -> None:
    found = next((other for other in before if other.name == identity.like and other.like is None), None)
    if found is None:
        known = ", ".join(f'"{other.name}"' for other in before if other.like is None) or "none"
        text = f'identity "{identity.name}": no identity "{identity.like}" before it; expected one of {known}'
        raise Problem(place, text)
    if (found.user, found.value) != (identity.user, identity.value):
        text = f'identity "{identity.name}" is like "{found.name}"; expected the same user and value'
        raise Problem(place, text)


def _known(tables: Tables, place: Place, text: str | None, said: str) -> None:
    for name in PLACEHOLDER.findall(text or ""):
        if name == "client_address" and tables.request.client_address is None:
            raise Problem(place, f"{said} uses {{client_address}}; request.client_address is not set")
        if name not in tables.parameter and name not in FILLED_IN:
            known = ", ".join(sorted((*tables.parameter, *FILLED_IN)))
            raise Problem(place, f"{said}: {{{name}}} is no parameter; expected one of {known}")


def _request(tables: Tables, files: Files) -> None:
    for name, values in tables.request.headers.items():
        for value in values:
            _known(tables, ("request", "headers", name), value, f"request.headers.{name}")
    request = tables.request
    bodies = [
        (key, index, name)
        for key in ("bodies", "refused")
        for index, name in enumerate(getattr(request, key))
    ]
    for key, index, name in bodies:
        place = ("request", key, index)
        text = files.text(place, name)
        _known(tables, place, text, name)
        filled = PLACEHOLDER.sub(lambda match: "true" if match[1] == "stream" else "x", text)
        try:
            json.loads(filled)
        except ValueError as error:
            names = ", ".join(f"{{{name}}}" for name in dict.fromkeys(PLACEHOLDER.findall(text)))
            after = f" after {names} is filled in" if names else ""
            raise Problem(place, f"{name}: not JSON{after}: {error}") from None


def _reference(tables: Tables, files: Files) -> None:
    reference = tables.reference
    for column, text in reference.columns.items():
        _known(tables, ("reference", "columns", column), text, f"reference.columns.{column}")
    if reference.insert is None:
        return
    text = files.text(("reference", "insert"), reference.insert)
    for mark in ("{columns}", "{values}"):
        if reference.columns and mark not in text:
            raise Problem(
                ("reference", "insert"),
                f"{reference.insert}: no mark {mark}, where the build adds its columns",
            )


def _client(tables: Tables, _files: Files) -> None:
    client = tables.client
    if client is None or client.option is not None:
        return
    if wanted := next((name for name in NEED_OPTION if name in client.files), None):
        raise Problem(
            ("client", "files", wanted),
            f"client.files.{wanted} needs client.option; expected the handler's option that becomes the header's value",
        )
