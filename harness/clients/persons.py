"""Which ids lead to a subject of the service that reads them: its own limits, beside those of the plan. Pure."""

from harness.rollout.client_tables import Consumer
from harness.rule.policy import JS_TRIM


def nobodys(consumer: Consumer) -> frozenset[str]:
    """What is nobody's as it may stand in a row, in lower case: bare and in quotes, and nothing at all."""
    return frozenset({"", *(quote + name + quote for quote in ("", "'", '"') for name in consumer.refuses)})


def is_persons(subject_id: str, consumer: Consumer) -> bool:
    """Whether the id can be a person's: compared in lower case, without blanks around it."""
    return subject_id.strip(JS_TRIM).lower() not in nobodys(consumer)


def kept(subject_id: str, consumer: Consumer) -> str:
    """What an event keeps of the id: its first characters (code points), or all of it."""
    return subject_id[: consumer.take]
