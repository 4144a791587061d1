"""A migration of one's own, on a schema of one's own: its tables, the rows in them, its traffic, what it locks."""
