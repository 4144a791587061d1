"""Turns observations into what a claim's results needs."""
