"""What a user imports: `harness` and the pytest plugin name it, and nothing below imports it."""
