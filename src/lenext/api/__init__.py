"""What the commands and the Python names do, composed from the parts below."""
