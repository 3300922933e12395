"""What leaves flowparse: reports, documents and lines for other systems, prefix lists. Pure functions over batches."""
