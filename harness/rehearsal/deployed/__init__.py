"""Databases with more in them than the migration makes: faults that the gate must name, and harmless changes."""
