"""OBD-II over an ELM327-compatible adapter: bytes to frozen values and back, no input or output."""
