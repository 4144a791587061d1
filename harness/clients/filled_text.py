"""Texts of a rollout's file with what stands for {NAME} in them."""

import uuid
from collections.abc import Mapping

from harness import plan
from harness.errors import UsageError
from harness.rollout.checking import PLACEHOLDER
from harness.rollout.identities import stores_header
from harness.rollout.tables import Identity

Parameters = Mapping[str, str]
"""What stands for {NAME} in the texts of a rollout's file."""


def filled(text: str, parameters: Parameters, number: int = 0) -> str:
    """A text with its parameters; {uuid} is one that depends on a number. Raises UsageError for one that is missing."""

    def value(name: str) -> str:
        if name == "uuid":
            return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{plan.MARK}/{number}"))
        if name not in parameters:
            raise UsageError(f"parameter.{name} has no value; give it with --set {name}=VALUE")
        return parameters[name]

    return PLACEHOLDER.sub(lambda match: value(match[1]), text)


def user_of(identity: Identity, parameters: Parameters, address: str) -> str | None:
    """Whom a request is accounted to; None where nobody is, or that is not known beforehand."""
    if identity.user is None:
        return None
    values = {**parameters, "client_address": address}
    if any(name not in values for name in PLACEHOLDER.findall(identity.user)):
        return None
    return filled(identity.user, values)


def value_of(identity: Identity, parameters: Parameters) -> str | None:
    """What the rows of an identity hold whatever it sends; None where that is what the rule makes of the header."""
    return None if stores_header(identity) else filled(identity.value, parameters)
