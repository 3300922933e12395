"""Conversations of octets that anyone may have made up, and what has to hold whatever they are."""
