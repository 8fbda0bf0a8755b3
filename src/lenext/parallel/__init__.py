"""Training on several processes: who they are, what they add up, and what happens when one of them is lost."""
