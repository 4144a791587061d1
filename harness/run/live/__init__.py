"""What `harness serve` is made of: who looks at requests, what is noted of each, and the page that shows it."""
