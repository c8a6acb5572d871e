"""Lock boards' own protocols: bytes <-> frozen values, one file a protocol. No I/O, no clock, no devices."""
