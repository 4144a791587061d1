"""Judges what the client of any rollout sends with its options. Pure."""

from harness.checks.extension import PROVIDER
from harness.checks.registry import Detail, Observed, Outcomes, check
from harness.clients.extension_evidence import ClientCase
from harness.verdict import Finding, Method


@check(PROVIDER, over=ClientCase, evidence=Method.EXHAUSTIVE)
def client_sends_what_its_options_say(case: ClientCase) -> Outcomes:
    """E5: the header is sent with the value that the options give, or not at all; no other header changes."""
    yield Observed(PROVIDER)
    yield Detail(PROVIDER, f"Node {case.node} ran each case of the file")
    name = case.header.lower()
    sent = {key.lower(): value for key, value in (case.sent or {}).items()}
    others = {key.lower(): value for key, value in (case.without or {}).items() if key.lower() != name}
    condition = f"options {dict(case.options)!r}"
    if sent.get(name) != case.expected:
        yield Finding(PROVIDER, condition, f"sent {sent.get(name)!r}, expected {case.expected!r}")
    if {key: value for key, value in sent.items() if key != name} != others:
        yield Finding(PROVIDER, condition, "other headers are sent than without any option")
