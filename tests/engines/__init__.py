"""Pages about other systems, run against those systems: `make engines`."""
