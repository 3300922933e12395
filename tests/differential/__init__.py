"""The kernels against the specification: made conversations, captures, and captures that were damaged."""
