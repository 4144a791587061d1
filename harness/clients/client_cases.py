"""What the client of any rollout sends with its options: the cases of its file, run under Node."""

from harness.clients.extension_evidence import ClientCase
from harness.clients.extension_host import extension_host
from harness.rollout import Rollout


def run_cases(rollout: Rollout) -> tuple[ClientCase, ...]:
    """Runs each case. Raises UnavailableError when Node cannot start, or cannot run the handler."""
    client, name = rollout.tables.client, rollout.header.name
    assert client is not None, "asked of a rollout with a client"
    assert client.handler is not None, "asked of a client with a handler"
    code = {"header": name, "option": "", "id": "", "handler": rollout.text(client.handler)}
    calls = [{"options": dict(case.options)} for case in client.cases]
    with extension_host() as host:
        sent = host.headers_of(code, [*calls, {"options": {}}])
        version = host.node.version
    return tuple(
        ClientCase(name, case.options, case.header, headers, sent[-1], version)
        for case, headers in zip(client.cases, sent, strict=False)
    )
