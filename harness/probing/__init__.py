"""What is sent to a backend and how its answers are compared, as data: pure modules, without sockets or databases."""
