"""Ratios of motorpool against its peers and against physical limits; `make bench` checks them."""
