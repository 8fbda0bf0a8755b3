"""What each paper reports, one file a paper: counts, maps and results; ``PUBLISHED`` of its model file."""
