"""One vehicle and its terminal; usable alone."""
