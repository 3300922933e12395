"""flowparse: what network devices say about their traffic and their neighbors, as typed columns."""
