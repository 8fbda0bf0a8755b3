"""From a folder, a table or a built-in set to batches of pixels."""
