"""The tests of flowparse; `tests.build` writes the octets that they read."""
