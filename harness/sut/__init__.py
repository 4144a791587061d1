"""What is being judged, behind one interface: requests go in, observations come out. Knows no claim and no stage."""

from harness.sut.observation import Observation, Probe, Row
from harness.sut.rows import Rows
from harness.sut.stream import Endpoint, Sender, observations, send_over_wire

__all__ = ["Endpoint", "Observation", "Probe", "Row", "Rows", "Sender", "observations", "send_over_wire"]
