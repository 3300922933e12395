"""What a decoder keeps: streams, saved states, age, and what it says of itself."""
