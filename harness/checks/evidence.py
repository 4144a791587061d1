"""Puts an observation into words: the request, the reply and the rows, masked and escaped, for a finding."""

import re
import shlex
from collections.abc import Sequence
from typing import Final

from harness.clients.exchange import Outcome, Reply
from harness.clients.request_spec import RequestSpec
from harness.report.escape import masked, shown
from harness.rule.notation import written
from harness.sut.observation import Observation, Row
from harness.verdict import Finding

_CHECK: Final = "check its URL, its log, and what the requests hold: --free-model, or the rollout's body"


def finding(claim: str, seen: Observation, effect: str, workaround: str = "") -> Finding:
    """A finding about one observation, with everything a sceptic asks for."""
    probe = seen.probe
    condition = (
        f"{seen.stage}; backend `{seen.served_by}`; extension `{probe.extension}`, {probe.auth}, "
        f"{'streaming' if probe.stream else 'not streaming'}; header: {probe.kind}"
    )
    return Finding(
        claim=claim,
        condition=condition,
        effect=masked(effect),
        request=describe_request(seen),
        reply=describe_reply(seen.reply),
        row=describe_rows(seen.rows, probe.spec),
        replay=replay_command(seen),
        workaround=workaround,
        weight=sum(map(len, probe.lines)),
    )


def replay_command(seen: Observation) -> str:
    """A line to copy that sends the same header to the reference backend again."""
    words = [
        "harness",
        "replay",
        *(f"--line={_unlike_an_email(written(line))}" for line in seen.probe.header),
    ]
    if seen.served_by != "after":
        words.append(f"--build={seen.served_by}")
    if seen.probe.shape.auth is not None:
        words.append(f"--auth={seen.probe.auth}")
    if seen.probe.stream:
        words.append("--stream")
    return shlex.join(words)


def _unlike_an_email(line: str) -> str:
    """The same line, which masking leaves as it is."""
    return line.replace("@", r"\x40")


def describe_request(seen: Observation) -> str:
    """Method, path and the header as sent."""
    lines = [shown(line) for line in seen.probe.lines]
    name = seen.probe.spec.header_name
    header = f"{name.decode()}: {' and '.join(lines)}" if lines else f"no {name.decode()}"
    others = [f"{shown(key)}: {shown(value)}" for key, value in seen.probe.header if key.lower() != name]
    if others:
        header += f" beside {' and '.join(others)}"
    asker = masked(seen.probe.user) or seen.probe.auth
    return f"{seen.probe.request.method} {seen.probe.request.path}, {header}, as {asker}"


def describe_reply(reply: Reply) -> str:
    """Outcome, status and upstream id; without one, what may be the reason: a redirect, or a compressed body."""
    if reply.outcome is not Outcome.REPLY:
        return f"{reply.outcome} ({reply.status})" if reply.status else str(reply.outcome)
    text = f"{reply.status} {reply.header('content-type') or 'without content type'}"
    if reply.upstream_id is not None:
        return f"{text}, id {reply.upstream_id}"
    if is_redirect(reply):
        return f"{text}, a redirect to {_place(reply.header('location') or '')}"
    if coding := coding_of(reply):
        return f"{text}, compressed ({coding}) although that was not asked for, so its id cannot be read"
    return f"{text}, id missing"


def is_redirect(reply: Reply) -> bool:
    """Whether a reply says that something else is to be asked."""
    return 300 <= reply.status < 400 and reply.header("location") is not None


def coding_of(reply: Reply) -> str:
    """How a body is compressed, with the header that says so; empty where it is not."""
    for name in ("content-encoding", "transfer-encoding"):
        codings = [coding.strip() for coding in (reply.header(name) or "").split(",")]
        kept = [coding for coding in codings if coding.lower() not in ("", "identity", "chunked")]
        if kept:
            return f"{name} {shown(', '.join(kept))}"
    return ""


def hint_of(reply: Reply) -> str:
    """What to try where a plain request was not served; empty without a reply."""
    if reply.status == 0:
        return ""
    if is_redirect(reply):
        return (
            "give the URL that it redirects to; where that is a page to sign in, the site is protected: "
            "pass what lets you in with --request-header"
        )
    if coding_of(reply):
        return (
            "let it, or what stands before it, send bodies as they are where no Accept-Encoding asks for more"
        )
    kind = (reply.header("content-type") or "").lower()
    if reply.status in (401, 403, 407) or kind.startswith("text/html"):
        return f"if the site is protected, pass what lets you in with --request-header; else {_CHECK}"
    return _CHECK


def _place(location: str) -> str:
    """Where a redirect leads, without its query, which may hold a secret."""
    place, mark, _ = location.partition("?")
    place, fragment, _ = place.partition("#")
    place = re.sub(r"//[^/]*@", "//***@", place)
    return shown(masked(place), 120) + (f" with {mark or fragment}..." if mark or fragment else "")


def describe_rows(rows: Sequence[Row], spec: RequestSpec) -> str:
    """Each row with its value, or that there is none."""
    return "; ".join(describe_row(row, spec) for row in rows) or f"no {', no '.join(spec.nouns)}"


def describe_row(row: Row, spec: RequestSpec) -> str:
    """Keys of both rows, and the value of the column."""
    main, *details = spec.nouns
    value = f"with {spec.column} {describe_value(row.value)}"
    accounted = f" of {masked(row.user)}" if row.user is not None else ""
    first = f"{main} {row.usage_id}{accounted}" if row.usage_id else f"no {main}"
    if not details:
        return f"{first} {value}" if row.usage_id else first
    if not row.metadata_id:
        return f"{first}, no {details[0]}"
    return f"{first}, {details[0]} {row.metadata_id} {value}"


def describe_value(value: str | None) -> str:
    """A stored value: NULL, or in quotes, masked and with its length."""
    return "NULL" if value is None else f"{shown(masked(value))} of length {len(value)}"
