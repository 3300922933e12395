"""The executable specification itself."""
