"""One training run from what was asked to what it leaves: job, start, settings found first, folder, end."""
