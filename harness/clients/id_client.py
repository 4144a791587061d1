"""A client that sends an id of its own making: how it is derived, kept and sent, as its rollout's file says."""

import hashlib
from dataclasses import dataclass
from functools import cache
from json import loads

from harness.errors import UsageError
from harness.rollout import Rollout, load_rollout
from harness.rollout.client_tables import Client, Consumer, DerivedId, Events, Storage
from harness.rule.operations import well_formed


@dataclass(frozen=True, slots=True)
class IdClient:
    """The client's half of a rollout; made by `id_client`."""

    rollout: Rollout
    client: Client
    derived: DerivedId
    storage: Storage
    option: str
    """The handler's option that becomes the header's value."""

    @property
    def header(self) -> str:
        """Name of the header."""
        return self.rollout.header.name

    @property
    def consumer(self) -> Consumer:
        """Who reads the ids."""
        return self.rollout.tables.consumer

    @property
    def events(self) -> Events:
        """How the client's events get there. Raises UsageError where the file does not say."""
        if self.consumer.events is None:
            raise UsageError(f"{self.rollout.folders[0]}: no [consumer.events]; it says how events are sent")
        return self.consumer.events

    def derived_id(self, device_id: str) -> str:
        """The id of a device: prefix and hex digits.

        A lone surrogate hashes as U+FFFD, as Node's `hash.update(string)` has it.
        """
        text = well_formed(device_id)
        digest = hashlib.sha256((text + self.derived.salt).encode()).hexdigest()
        return self.derived.prefix + digest[: self.derived.hex_digits]

    def known_answers(self) -> list[tuple[str, str]]:
        """Devices' ids with the id derived from each, computed by neither Node nor Python's model."""
        if self.derived.answers is None:
            return []
        answers = loads(self.rollout.text(self.derived.answers))
        return [(answer["machineId"], answer["id"]) for answer in answers]


def id_client(rollout: Rollout) -> IdClient:
    """The client of a rollout. Raises UsageError where the file does not say how its id is made, kept and sent."""
    client = rollout.tables.client or Client()
    if client.derived is None or client.storage is None or client.option is None:
        lacking = next(
            name for name in ("derived", "storage", "option") if getattr(client, name, None) is None
        )
        raise UsageError(f"{rollout.folders[0]}: the rollout names no client.{lacking}")
    return IdClient(rollout, client, client.derived, client.storage, client.option)


@cache
def plans_client() -> IdClient:
    """The client of the plan's own rollout."""
    return id_client(load_rollout())
