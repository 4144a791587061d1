"""The corpus of old clients: what it covers, and that the reference serves every shape on both builds."""

import json
from itertools import count, product

import pytest

from harness import plan
from harness.clients.corpus import CorpusRequest, Token, corpus
from harness.clients.extension import Auth, ExtensionBuild
from harness.clients.http import send_all
from harness.database.schema_state import SchemaState
from harness.database.templates import Templates
from harness.stages.matrix import SignedIn
from harness.stages.model import Stage, Version
from harness.stages.stage import stack, stand
from harness.sut import Probe

OPTIONAL = ("version", "mode", "taskid", "organizationid", "projectid", "machineid", "feature")


def headers(shape: CorpusRequest) -> dict[str, str]:
    return {name.decode().lower(): value.decode("latin-1") for name, value in shape.headers}


def test_corpus_names_differ() -> None:
    names = [shape.name for shape in corpus()]
    assert len(set(names)) == len(names) >= 20


def test_corpus_has_every_token_streaming_and_not() -> None:
    assert {(shape.token, shape.stream) for shape in corpus()} == set(product(Token, (False, True)))


@pytest.mark.parametrize("name", OPTIONAL)
def test_corpus_has_each_header_of_the_extension_and_its_absence(name: str) -> None:
    present = [f"x-kilocode-{name}" in headers(shape) for shape in corpus()]
    assert any(present)
    assert not all(present)


def test_corpus_has_the_editors_name_always_and_organisations_only_when_signed_in() -> None:
    for shape in corpus():
        sent = headers(shape)
        assert sent["x-kilocode-editorname"]
        if "x-kilocode-organizationid" in sent:
            assert shape.auth is Auth.SIGNED_IN
        else:
            assert "x-kilocode-projectid" not in sent


def test_corpus_never_sends_the_header_that_is_rolled_out() -> None:
    assert all(plan.HEADER not in headers(shape) for shape in corpus())


def test_corpus_request_carries_its_address_and_token() -> None:
    for shape in corpus():
        sent = shape.request("192.0.2.7", "a-user's-token")
        lines = dict(sent.headers)
        expected = {Token.NONE: None, Token.SIGNED_IN: b"Bearer a-user's-token"}
        assert lines[b"x-forwarded-for"] == b"192.0.2.7"
        assert lines.get(b"authorization") == expected.get(shape.token, f"Bearer {shape.token}".encode())
        assert json.loads(sent.body)["stream"] is shape.stream


@pytest.mark.parametrize(
    ("schema", "version"), [(SchemaState.BASE, Version.BEFORE), (SchemaState.READY, Version.AFTER)]
)
async def test_corpus_is_served_and_accounted_for_by_both_builds(
    templates: Templates, schema: SchemaState, version: Version
) -> None:
    addresses = (f"192.0.2.{number}" for number in count(1))
    async with (
        stack(templates, "strict") as shared,
        stand(shared, Stage(schema, (version, version), False)) as standing,
    ):
        user = await shared.signed_in(standing.dsn)
        probes = [probe(shape, next(addresses), user) for shape in corpus()]
        observed = await standing.observe([probes, []], send_all)
    for seen in observed:
        assert seen.reply.status == 200, seen.probe.kind
        [row] = seen.rows
        assert row.whole
        assert row.user == seen.probe.user
        assert row.value == (seen.probe.email if version is Version.AFTER else None)


def probe(shape: CorpusRequest, address: str, user: SignedIn) -> Probe:
    signed_in = shape.auth is Auth.SIGNED_IN
    return Probe(
        request=shape.request(address, user.token),
        kind=shape.name,
        extension=ExtensionBuild.BEFORE,
        auth=shape.auth,
        stream=shape.stream,
        user=user.user_id if signed_in else plan.ANONYMOUS_PREFIX + address,
        email=user.email if signed_in else None,
        alone=not signed_in,
    )
