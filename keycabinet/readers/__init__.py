"""One file a reader family: codec and device; families of other distributions come by the group `motorpool.readers`."""
