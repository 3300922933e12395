"""Real captures: golden records, tshark, and the flow view against a second reading of the octets."""
