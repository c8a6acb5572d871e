"""One key cabinet and its wiring; usable alone."""
