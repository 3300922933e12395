"""The scoreboard: figures of reliability, measured, beside what they should be."""
