"""What a network is and why it answers as it does."""
