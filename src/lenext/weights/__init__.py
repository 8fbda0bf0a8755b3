"""The one weight file and its card."""
