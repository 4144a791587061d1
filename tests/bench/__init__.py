"""How fast the wire client is beside other clients of the same proxy; run by hand, never a test."""
