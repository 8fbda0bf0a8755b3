"""What a check leaves behind: a page, a list."""
