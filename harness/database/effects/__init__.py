"""What a database does to the values and rows of a run, beyond what the migration makes, found by its catalogue."""
