"""What leaves flowparse: reports, documents and lines for other systems, prefix lists. Pure functions over batches."""

from . import elastic, engine, logstash, prefixes, report

__all__ = ["elastic", "engine", "logstash", "prefixes", "report"]
