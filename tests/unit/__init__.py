"""One module of tests for each room."""
