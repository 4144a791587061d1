"""The rollouts that are shipped load and say what follows; each mistake in a file is one line, and exit code 2."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema_rs import Draft202012Validator, meta

from harness import plan
from harness.checks.checkout_claims import BACKEND, CLIENT, claims_of
from harness.cli import app
from harness.data import fixture_path
from harness.errors import UsageError
from harness.rollout import load_rollout
from harness.rollout.claims import CLAIMS as GENERAL
from harness.rollout.claims import asked
from harness.rollout.schema import rollout_schema, to_text
from harness.rollout.tables import Audit, Wording
from harness.stages.of_rollout import model_of
from harness.stages.orders import survey
from tests.command import ROOT, harness_command

SHIPPED = ("posthog-distinct-id", "length-only", "machine-id", "feature")
ORDERS = ROOT / "tests" / "rollouts" / "orders"


def folder(name: str) -> Path:
    return fixture_path(f"rollouts/{name}")


@pytest.mark.parametrize(
    ("path", "count"),
    [*((folder(name), count) for name, count in zip(SHIPPED, (624, 624, 24, 24), strict=True)), (ORDERS, 24)],
)
def test_rollout_loads_and_counts_its_orders(path: Path, count: int) -> None:
    rollout = load_rollout(path)
    assert survey(model_of(rollout)).orders == count
    assert {"V1", "V4", "R1", "O1"} <= set(asked(rollout.tables))
    assert rollout.header.name.startswith("x-")


@pytest.mark.parametrize(("replicas", "count"), [(1, 6), (2, 24), (3, 120), (5, 5040)])
def test_orders_grow_with_the_replicas(tmp_path: Path, replicas: int, count: int) -> None:
    text = (ORDERS / "rollout.toml").read_text().replace("replicas = 2", f"replicas = {replicas}")
    assert survey(model_of(load_rollout(copied(tmp_path, text)))).orders == count


def test_later_revision_extends_the_plan_by_a_few_lines() -> None:
    before, later = (load_rollout(folder(name)).tables for name in SHIPPED[:2])
    assert later.header is not None
    assert before.header is not None
    assert later.header.name == before.header.name
    assert [operation.trim for operation in later.header.rule] == [None, "js"]
    assert later.claims["V1"].quote != before.claims["V1"].quote
    assert later.claims["V4"] == before.claims["V4"]
    audits = {audit.id: audit for audit in later.audit}
    assert (audits["A6"].expect, audits["A8"].expect) == ("proven", "refuted")
    stored = {identity.name: identity.value for identity in later.identity}
    assert stored == dict.fromkeys(
        ("anonymous", "junk token", "anonymous token", "stale token"), "{header}"
    ) | {
        "signed in": "{email}",
        "member": "{email}",
    }


def test_plans_file_words_its_claims_as_the_program_does() -> None:
    tables = load_rollout().tables
    known = {claim.id: claim for group in (claims_of((BACKEND, CLIENT), tables), *CLAIMS) for claim in group}
    assert set(tables.claims) | {audit.id for audit in tables.audit} == set(known)
    audited: list[tuple[str, Wording | Audit]] = [(audit.id, audit) for audit in tables.audit]
    for name, wording in [*tables.claims.items(), *audited]:
        claim = known[name]
        assert (wording.sentence, wording.quote, wording.section) == (
            claim.sentence,
            claim.quote,
            claim.section,
        )
        assert (wording.least or 1) == claim.least


CLAIMS = (
    plan.CLAIMS,
    plan.ORDER_CLAIMS,
    (plan.RULE_CLAIM, plan.EXPLORATION_CLAIM, plan.ROLL_BACK_CLAIM, plan.STALL_CLAIM, plan.RECOVERY_CLAIM),
    (plan.LOCKS_CLAIM, plan.RUNNER_CLAIM, plan.AUDIT_CLAIM),
    plan.MIGRATION_CLAIMS,
    plan.GATE_CLAIMS,
    plan.SELFTEST_CLAIMS,
    plan.EXTENSION_CLAIMS,
    *(
        tuple(claim for claim, *_ in group)
        for group in (plan.AUDIT, plan.MIGRATION_AUDIT, plan.EXTENSION_AUDIT)
    ),
    tuple(claim for claim, *_ in plan.RESTING_AUDIT),
)


def copied(tmp_path: Path, text: str) -> Path:
    """The orders service's folder with this file instead."""
    for file in ORDERS.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "rollout.toml").write_text(text)
    return tmp_path


RULE = "rule = [{ match = '[a-z]{2}-[0-9a-f]{8}' }]"
MISTAKES: dict[str, tuple[str, str, str]] = {
    "no TOML": ('name = "order-origin"', "name = order", "not TOML: invalid value (at line 6, column 8)"),
    "no name": (
        'name = "order-origin"',
        'name = "Order origin"',
        'rollout.name = "Order origin" is no name; expected lower-case letters, digits and hyphens, 1 to 64',
    ),
    "no number": (
        "replicas = 2",
        'replicas = "2"',
        'step[1].replicas = "2" is no such number; expected 1 to 5',
    ),
    "too many": ("replicas = 2", "replicas = 6", "step[1].replicas = 6 is no such number; expected 1 to 5"),
    "no list": (
        'paths = ["/orders"]',
        'paths = "/orders"',
        'request.paths = "/orders" is no list; expected a list, in [ ]',
    ),
    "no path": (
        '"/orders"',
        '"orders"',
        'request.paths[0] = "orders" is no path; expected printable ASCII that starts with /',
    ),
    "unknown key": (
        'reply_id = "order',
        'replyid = "order',
        "request.replyid is no key; did you mean reply_id?",
    ),
    "unknown table": ("[reference]", "[references]", "references is no key; did you mean reference?"),
    "missing key": (
        'reply_id = "order.ref"\n',
        "",
        "request.reply_id is missing; expected names joined by dots, such as order.ref",
    ),
    "no word of some": (
        'duplicates = "first"',
        'duplicates = "all"',
        'header.duplicates = "all" is no such word; expected one of join, first, last',
    ),
    "JSON path": (
        '"order.ref"',
        '"$..id"',
        'request.reply_id = "$..id" is no path; expected names joined by dots, such as order.ref',
    ),
    "two operations": (
        RULE,
        "rule = [{ take = 5, trim = 'js' }]",
        "header.rule[0] has take and trim; expected one of take, trim, lower, match, one_of",
    ),
    "no expression": (
        "match = '[a-z]{2}-[0-9a-f]{8}'",
        "match = '([a-z'",
        "header.rule[0].match = '([a-z' is no regular expression: [ is not closed, at position 2; expected "
        "JavaScript's, without slashes and flags",
    ),
    "look-ahead": (
        "match = '[a-z]",
        "match = '(?=ab)[a-z]",
        "header.rule[0].match = '(?=ab)[a-z]{2}-[0-9a-f]{8}': look-ahead at position 1 has no finite automaton, of "
        'which the suite is made; without the suite gate, fuzz and orders still work: set header.suite = "sampled"',
    ),
    "nothing": (
        "match = '[a-z]{2}-[0-9a-f]{8}'",
        "match = '[]|'",
        "header.rule[0].match = '[]|' fits no text that a header holds, so that nothing would be stored",
    ),
    "explosion": (
        "match = '[a-z]{2}-[0-9a-f]{8}'",
        "match = '(a|b)*a(a|b){20}'",
        "header.rule[0].match = '(a|b)*a(a|b){20}': more than 20,000 states in its finite automaton, of which the "
        'suite is made; without the suite gate, fuzz and orders still work: set header.suite = "sampled"',
    ),
    "header of HTTP": (
        'name = "x-request-origin"',
        'name = "Content-Length"',
        'header.name = "Content-Length" is HTTP\'s own, by which servers read requests; expected one of the '
        "application's",
    ),
    "header beside itself": (
        "[header]",
        "[request.headers]\nX-Request-Origin = ['a']\n\n[header]",
        "request.headers: X-Request-Origin is the header that is rolled out",
    ),
    "no reply's id": (
        'reply_id = "ref"\n',
        "",
        "store: neither main nor detail has a reply_id; rows are found by it",
    ),
    "no file": (
        '"up.sql"',
        '"upp.sql"',
        'step[0].up = "upp.sql" is no file; expected one in the folder of the rollout',
    ),
    "no parameter": (
        "[[step]]",
        "[[identity]]\nname = 'a'\nauth = 'Bearer {tokn}'\n\n[[step]]",
        'identity "a": auth: {tokn} is no parameter; expected one of client_address, header, stream, uuid, value',
    ),
    "client address": (
        "[[step]]",
        "[[identity]]\nname = 'a'\nauth = '{client_address}'\n\n[[step]]",
        'identity "a": auth uses {client_address}; request.client_address is not set',
    ),
    "like nobody": (
        "[[step]]",
        "[[identity]]\nname = 'a'\n\n[[identity]]\nname = 'b'\nlike = 'c'\n\n[[step]]",
        'identity "b": no identity "c" before it; expected one of "a"',
    ),
    "like another": (
        "[[step]]",
        "[[identity]]\nname = 'a'\n\n[[identity]]\nname = 'b'\nlike = 'a'\nvalue = 'x'\n\n[[step]]",
        'identity "b" is like "a"; expected the same user and value',
    ),
    "two deploys": (
        'kind = "release"',
        'kind = "deploy"',
        'step: two deploys, "deploy the service" and "release the shop"; expected one',
    ),
    "same name": ('"release the shop"', '"add the column"', 'step "add the column": two steps of that name'),
    "not concurrent": (
        'down = "down.sql"',
        "concurrent = true",
        "up.sql: concurrent = true, but no CREATE INDEX CONCURRENTLY in it",
    ),
    "needs later": (
        'down = "down.sql"',
        'needs = ["release the shop"]',
        'step "add the column" needs "release the shop", which comes later',
    ),
    "order": (
        "[reference]",
        "[[step]]\nname = 'b'\nup = 'up.sql'\n\n[plan_order]\nsteps = ['b', 'add the column', 'release the shop', "
        "'deploy the service']\n\n[reference]",
        'plan_order.steps is not legal: "b" before "add the column"',
    ),
    "no claim": (
        "[reference]",
        "[claims.V77]\nquote = 'x'\n\n[reference]",
        f"claims.V77 is no claim; there are {', '.join(GENERAL)}",
    ),
    "no plan": (
        "[reference]",
        "[claims.V1]\nquote = 'x'\n\n[reference]",
        "claims.V1.quote: rollout.plan is not set; name the file that is quoted",
    ),
    "no quote": (
        'name = "order-origin"\n',
        'name = "order-origin"\nplan = "up.sql"\nclaims = 1\n',
        "rollout.claims is no key; there are name, extends, plan",
    ),
    "audit": (
        "[reference]",
        "[[audit]]\nid = 'A1'\nkind = 'bild'\nsentence = 'x'\n\n[reference]",
        'audit[0].kind = "bild" is no such word; expected one of rests, build, query, catalog, client, manual',
    ),
    "no option": (
        "[reference]",
        "[client.files]\noptions = { glob = 'a.ts', symbol = 'A' }\n\n[reference]",
        "client.files.options needs client.option; expected the handler's option that becomes the header's value",
    ),
    "no program": (
        "[reference]",
        "[consumer.events]\nprogram = 'send.py'\n\n[reference]",
        'consumer.events.program = "send.py" is no file; expected one in the folder of the rollout',
    ),
    "extends nothing": (
        'name = "order-origin"\n',
        'name = "order-origin"\nextends = "none"\n',
        "rollout.extends: no rollout.toml in {folder}/none; a rollout is a folder with this file in it, see harness "
        "rollout new",
    ),
    "extends itself": (
        'name = "order-origin"\n',
        'name = "order-origin"\nextends = "."\n',
        "rollout.extends: {folder} extends itself",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_one_line_with_file_key_and_value(tmp_path: Path, mistake: str) -> None:
    old, new, told = MISTAKES[mistake]
    text = (ORDERS / "rollout.toml").read_text()
    assert old in text
    broken = copied(tmp_path, text.replace(old, new, 1))
    with pytest.raises(UsageError) as refused:
        load_rollout(broken)
    assert str(refused.value) == f"{broken}/rollout.toml: {told.replace('{folder}', str(broken))}"


@pytest.mark.parametrize("file", ["up.sql", "down.sql"])
@pytest.mark.parametrize("text", ["", "-- nothing\n;\n"])
def test_file_without_a_statement_is_told(tmp_path: Path, file: str, text: str) -> None:
    broken = copied(tmp_path, (ORDERS / "rollout.toml").read_text())
    (broken / file).write_text(text)
    with pytest.raises(UsageError, match=f"{file}: no statement in it; expected one of SQL at the least"):
        load_rollout(broken)


def test_sampled_rule_may_use_what_has_no_automaton(tmp_path: Path) -> None:
    text = (ORDERS / "rollout.toml").read_text().replace(RULE, f"suite = 'sampled'\n{RULE}")
    load_rollout(copied(tmp_path, text.replace("'[a-z]", "'(?=a)[a-z]")))
    with pytest.raises(UsageError, match="out of order, at position 2"):
        load_rollout(copied(tmp_path, text.replace("'[a-z]", "'[z-a]")))


@pytest.mark.parametrize(
    ("source", "has_bound"),
    [("[a-z]+", False), ("[a-z]{1,9}(-[0-9]*)?", False), ("[a-z]{1,9}(-[0-9]{2})?", True), ("a|bc", True)],
)
def test_rule_is_asked_for_its_bound_where_it_has_one(tmp_path: Path, source: str, has_bound: bool) -> None:
    text = (ORDERS / "rollout.toml").read_text().replace(RULE, f"rule = [{{ match = '{source}' }}]")
    assert ("V2" in asked(load_rollout(copied(tmp_path, text)).tables)) is has_bound


def test_command_ends_in_two_with_that_line(tmp_path: Path) -> None:
    broken = copied(tmp_path, (ORDERS / "rollout.toml").read_text().replace("201", "2010"))
    done = harness_command("rollout", "show", "--rollout", str(broken))
    told = "request.statuses[0] = 2010 is no such number; expected 200 to 599"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"harness: {broken}/rollout.toml: {told}\n")


@pytest.mark.parametrize("example", ["eu-1234567", "ü-12345678", "\\u20ac-12345678", "\\u0001"])
def test_example_that_the_rule_refuses_is_told(tmp_path: Path, example: str) -> None:
    text = (ORDERS / "rollout.toml").read_text().replace('["eu-0123abcd"]', f'["eu-0123abcd", "{example}"]')
    done = harness_command("rollout", "show", "--rollout", str(copied(tmp_path, text)))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"harness: {tmp_path}/rollout.toml: header.examples[1] = ")
    assert done.stderr.endswith(": the rule refuses it; expected a value of which something is stored\n")


def test_body_must_be_json_once_it_is_filled_in(tmp_path: Path) -> None:
    broken = copied(
        tmp_path, (ORDERS / "rollout.toml").read_text() + "\n[parameter.article]\ndefault = 'a'\n"
    )
    (broken / "order.json").write_text('{ "article": {article} }')
    with pytest.raises(
        UsageError, match=r"order.json: not JSON after \{article\} is filled in: Expecting value"
    ):
        load_rollout(broken)


def test_mistake_is_told_of_the_file_that_has_it(tmp_path: Path) -> None:
    base, own = tmp_path / "base", tmp_path / "own"
    base.mkdir()
    own.mkdir()
    copied(base, (ORDERS / "rollout.toml").read_text().replace("replicas = 2", "replicas = 9"))
    (own / "rollout.toml").write_text('rollout = { name = "own", extends = "../base" }\n')
    with pytest.raises(UsageError, match=r"base/rollout.toml: step\[1\].replicas = 9 is no such number"):
        load_rollout(own)


def test_files_are_looked_for_in_the_own_folder_first(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "rollout.toml").write_text(f'rollout = {{ name = "own", extends = "{ORDERS}" }}\n')
    (own / "up.sql").write_text("ALTER TABLE order_audit ADD COLUMN request_origin varchar;")
    rollout = load_rollout(own)
    assert rollout.path("up.sql") == own / "up.sql"
    assert rollout.path("down.sql") == ORDERS / "down.sql"


@pytest.mark.parametrize("lost", ["as planned", "`always`"])
def test_quote_that_the_plan_does_not_say_is_refused(tmp_path: Path, lost: str) -> None:
    text = (ORDERS / "rollout.toml").read_text().replace('origin"\n', 'origin"\nplan = "plan.md"\n', 1)
    (tmp_path / "plan.md").write_text("It is **stored** in\n `order_audit`, always.")
    load_rollout(copied(tmp_path, f"{text}\n[claims.V1]\nquote = 'It is stored in order_audit'\n"))
    with pytest.raises(UsageError, match=f'claims.V1.quote is not in plan.md: "{lost}!"'):
        load_rollout(copied(tmp_path, f"{text}\n[claims.V1]\nquote = '{lost}!'\n"))


def test_common_folder_can_only_be_extended() -> None:
    done = harness_command("rollout", "show", "--rollout", str(folder("kilo")))
    assert done.returncode == 2
    assert "no [header]; it can only be extended" in done.stderr


@pytest.mark.parametrize("path", [*map(folder, ("kilo", *SHIPPED)), ORDERS], ids=lambda path: path.name)
def test_show_prints_what_follows(path: Path) -> None:
    if path.name == "kilo":
        return
    done = harness_command("rollout", "show", env={"HARNESS_ROLLOUT": str(path), "PATH": ""})
    assert (done.returncode, done.stderr) == (0, "")
    for line in (
        "rule: ",
        "classes of bytes\nsuite:\n  short: in each of ",
        "  byte for byte: in each of ",
        "deterministic implementations of at most ",
        "requests: POST /",
        "who asks:",
        "legal orders: ",
        "claims: ",
        "  detail  (SELECT",
    ):
        assert line in done.stdout


def test_every_command_takes_a_rollout_but_these() -> None:
    takes_none = {
        path
        for path, command in commands(app)
        if all(parameter.name != "rollout" for parameter in command.params)
    }
    assert takes_none == {"keys new", "report", "report diff", "rollout new", "upstream"}


def commands(found: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    if isinstance(found, click.Group):
        context = click.Context(found)
        for name in found.list_commands(context):
            command = found.get_command(context, name)
            assert command is not None
            yield from commands(command, f"{path} {name}".strip())
        if found.params and path:
            yield path, found
    else:
        yield path, found


def test_published_schema_is_made_from_the_types() -> None:
    told = "run python -m harness.rollout.schema > docs/rollout.schema.json"
    assert (ROOT / "docs" / "rollout.schema.json").read_text(encoding="utf-8") == to_text(), told


@pytest.mark.parametrize("path", [*map(folder, ("kilo", *SHIPPED)), ORDERS], ids=lambda path: path.name)
def test_rollouts_fit_the_published_schema(path: Path) -> None:
    schema: dict[str, Any] = rollout_schema()
    meta.validate(schema)
    document = tomllib.loads((path / "rollout.toml").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(json.loads(json.dumps(document)))


def test_schema_refuses_what_the_types_refuse() -> None:
    document = tomllib.loads((ORDERS / "rollout.toml").read_text(encoding="utf-8"))
    document["header"]["duplicates"] = "all"
    document["step"][1]["replicas"] = 6
    document["request"]["replyid"] = "x"
    errors = list(Draft202012Validator(rollout_schema()).iter_errors(document))
    assert {"/".join(map(str, error.instance_path)) for error in errors} == {
        "header",
        "step/1/replicas",
        "request",
    }
