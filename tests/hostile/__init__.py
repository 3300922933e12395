"""Octets, callers and machines that mean no good."""
