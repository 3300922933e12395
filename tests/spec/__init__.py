"""The clauses of the export formats, one test each."""
