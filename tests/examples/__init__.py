"""The programs of docs/examples run as they stand, and the documents say what is so."""
