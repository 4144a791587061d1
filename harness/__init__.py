"""Proves that one header, one column and one index can be rolled out backend first."""
