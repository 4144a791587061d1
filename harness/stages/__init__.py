"""The rollout as states, steps and orders, and a stage stood up for real."""
