"""The reference proxy, its builds, its rows, and the upstream stub."""
