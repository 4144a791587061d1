"""Regular expressions of JavaScript, the finite automata that they are, and suites of texts that test one. Pure."""
