"""Honest measurement: every image once, with an interval, and the report."""
