"""What a request and its reply come to in the books: the values of the accounting statement."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from harness.backend.admission import prompts
from harness.backend.builds import Build, FollowUp, Incoming, Sender
from harness.backend.completion import Completion
from harness.backend.http import node_header
from harness.backend.usage import MISSING_ID, Usage
from harness.rule.operations import take_units
from harness.rule.policy import JS_TRIM, utf16_length

NAME_LENGTH_MAX: Final = 500
PROMPT_LENGTH_MAX: Final = 100
PROVIDER: Final = "openrouter"
"""Through whom the route asks a model; who answered is the inference provider."""


def usage_of(
    asked: Incoming,
    user_id: str,
    completion: Completion,
    status: int,
    *,
    latency: float,
    complete: bool,
    sources: Mapping[str, str],
    value: str | None = None,
    times: int = 1,
    follows: tuple[FollowUp, ...] = (),
) -> Usage:
    """The usage of a request that the upstream answered, and what the build has decided to store with it.

    `sources` names the headers that some of its values are taken from.
    """
    system, user = prompts(asked.document)
    headers = asked.headers
    # Somebody who is not signed in belongs to no organization, whatever the header says.
    organization = None if asked.user is None else _from_header(asked, sources, "organization_id")
    forwarded = node_header(headers, b"x-forwarded-for")
    editor = (_from_header(asked, sources, "editor_name") or "")[:NAME_LENGTH_MAX]
    return Usage(
        user_id=user_id,
        message_id=completion.id or MISSING_ID,
        requested_model=asked.model,
        model=completion.model,
        provider=PROVIDER,
        inference_provider=completion.provider,
        status_code=status,
        streamed=asked.streamed,
        has_error=status >= 400 or not complete,
        input_tokens=completion.input_tokens,
        output_tokens=completion.output_tokens,
        cost=0,
        latency=latency,
        finish_reason=completion.finish_reason,
        max_tokens=asked.document.get("max_tokens"),
        has_tools=bool(asked.document.get("tools")),
        # Without such a message they are '', and NULL within an organization alone.
        user_prompt=None if organization else take_units(PROMPT_LENGTH_MAX, user),
        system_prompt=None if organization else take_units(PROMPT_LENGTH_MAX, system),
        system_prompt_length=utf16_length(system),
        user_agent=node_header(headers, b"user-agent"),
        forwarded_for=asked.address if forwarded is None else forwarded,
        editor_name=editor.strip(JS_TRIM) or None,
        organization_id=organization,
        project_id=_from_header(asked, sources, "project_id"),
        city=node_header(headers, b"x-vercel-ip-city"),
        country=node_header(headers, b"x-vercel-ip-country"),
        digest=node_header(headers, b"x-vercel-ja4-digest"),
        value=value,
        times=times,
        follows=follows,
    )


def _from_header(asked: Incoming, sources: Mapping[str, str], value: str) -> str | None:
    return node_header(asked.headers, sources[value].lower().encode()) if value in sources else None


def changed(build: Build, sender: Sender, usage: Usage) -> Usage:
    """The usage as the build has it."""
    if build.changes is None:
        return usage
    changes: dict[str, Any] = dict(changes_of(build, sender, usage))
    return replace(usage, **changes)


def changes_of(build: Build, sender: Sender, usage: Usage) -> Mapping[str, object]:
    """What the build changes of a usage, by name; nothing that it leaves as it is."""
    if build.changes is None:
        return {}
    values = {name: getattr(usage, name) for name in Usage.__slots__}
    return {name: value for name, value in build.changes(sender, values).items() if value != values[name]}
