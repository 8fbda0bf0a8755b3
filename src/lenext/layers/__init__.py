"""Parts that two or more papers define alike, and the one shape of every network."""
