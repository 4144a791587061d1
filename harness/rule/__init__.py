"""The header rule: as data, as a suite of tests, as strategies, and as Node means it."""
