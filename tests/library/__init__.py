"""Tests of what a user imports."""
