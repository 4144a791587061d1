"""Regular expressions of JavaScript, and the finite automata that they are. Knows no header and no rollout. Pure."""
