"""One file a board family; families of other distributions come by the entry-point group `motorpool.boards`."""
