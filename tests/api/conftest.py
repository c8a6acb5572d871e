"""For the tests of this folder."""

from recorded_events import every_event_fits_its_schema  # noqa: F401 - for every test of it
