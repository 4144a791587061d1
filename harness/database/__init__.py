"""Postgres: a server, its migrations, its catalogue."""
