"""The rollout's file: read, checked, shown, and obeyed."""
