"""Libraries that take our columns."""
