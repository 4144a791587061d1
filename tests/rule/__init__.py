"""Tests of the header rule: as data, as a suite, as strategies, and as Node means it."""
