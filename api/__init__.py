"""HTTP, web console and command line."""
