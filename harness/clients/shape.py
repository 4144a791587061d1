"""The shape of a request: everything that a client may send besides the header under test.

A shape is a value for each factor. Two requests of one shape differ by our header and by what tells them apart (their
address, their id) only, so the one without the header is the control of the other.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from harness import plan
from harness.clients.extension import Auth


class Forwarded(StrEnum):
    """What stands in x-forwarded-for."""

    IPV6 = "an IPv6 address"
    IPV6_LIST = "an IPv6 address before others"
    IPV4 = "an IPv4 address"
    IPV4_LIST = "an IPv4 address before others"


class Body(StrEnum):
    """What a completion asks for."""

    PLAIN = "plain"
    TOOLS = "tools"
    LONG = "more than 32 KiB"
    TALK = "several messages"
    PARTS = "content in parts, no system prompt"
    LIMITED = "max_tokens and a temperature"
    MODELS = "further models and a transform"
    USER = "a user and metadata of its own"


class Model(StrEnum):
    """Which model is asked for; the paid one by callers without an account only, who are refused it."""

    GIVEN = "the given model"
    OTHER = "openrouter/free"
    PAID = "anthropic/claude-sonnet-4.5"


class Agent(StrEnum):
    """The user-agent header."""

    EXTENSION = "extension"
    NODE = "node"
    NONE = "none"


class Editor(StrEnum):
    """The editor's name, as the extensions send it."""

    VSCODE = "Visual Studio Code 1.96.0"
    JETBRAINS = "IntelliJ IDEA 2025.3"
    NONE = "none"


class ExtensionMode(StrEnum):
    """The extension's mode."""

    CODE = "code"
    ARCHITECT = "architect"
    NONE = "none"


class Feature(StrEnum):
    """The feature header of later extensions."""

    NONE = "none"
    VSCODE = "vscode-extension"
    JETBRAINS = "jetbrains-extension"


class Extra(StrEnum):
    """Headers that something between client and backend adds."""

    NONE = "none"
    COOKIE = "cookie"
    EDGE = "edge"
    TRACE = "trace"


class Connection(StrEnum):
    """Whether the client keeps its connection, or speaks HTTP/2 over one, which not every site does."""

    KEPT = "kept"
    CLOSED = "closed"
    HTTP2 = "HTTP/2"


class Shape(NamedTuple):
    """One value for each factor; the defaults are the plainest request."""

    path: str = plan.ROUTES[0]
    auth: Auth = Auth.ANONYMOUS
    stream: bool = False
    forwarded: Forwarded = Forwarded.IPV6
    body: Body = Body.PLAIN
    model: Model = Model.GIVEN
    agent: Agent = Agent.EXTENSION
    editor: Editor = Editor.VSCODE
    mode: ExtensionMode = ExtensionMode.CODE
    task: bool = False
    machine: bool = False
    feature: Feature = Feature.NONE
    version: bool = False
    organization: bool = False
    project: bool = False
    extra: Extra = Extra.NONE
    connection: Connection = Connection.KEPT

    def __str__(self) -> str:
        """What it has beyond the plainest request."""
        parts = [
            f"{name} {value}" if not isinstance(value, bool) else f"{'with' if value else 'without'} {name}"
            for name, value in self._asdict().items()
            if value != PLAIN_VALUES[name]
        ]
        return ", ".join(parts) or "plain"


PLAIN: Final = Shape()
PLAIN_VALUES: Final[Mapping[str, object]] = PLAIN._asdict()

_YES_NO: Final = (False, True)
FACTORS: Final[Mapping[str, tuple[object, ...]]] = {
    "path": plan.ROUTES,
    "auth": tuple(Auth),
    "stream": _YES_NO,
    "forwarded": tuple(Forwarded),
    "body": tuple(Body),
    "model": (Model.GIVEN, Model.OTHER),
    "agent": tuple(Agent),
    "editor": tuple(Editor),
    "mode": tuple(ExtensionMode),
    "task": _YES_NO,
    "machine": _YES_NO,
    "feature": tuple(Feature),
    "version": _YES_NO,
    "organization": _YES_NO,
    "project": _YES_NO,
    "extra": tuple(Extra),
    "connection": (Connection.KEPT, Connection.CLOSED),
}
"""Every factor with its values, the plainest first: those of `Shape`, in its order."""
