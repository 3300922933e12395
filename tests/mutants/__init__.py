"""The faults that tools/mutants.py tries out."""
