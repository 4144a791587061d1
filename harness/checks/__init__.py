"""Turns observations into what a claim's docket needs."""
