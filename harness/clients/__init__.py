"""Who sends requests: the extension's builds, and raw bytes on a socket."""
