"""What a migration does to a table that is in use."""
