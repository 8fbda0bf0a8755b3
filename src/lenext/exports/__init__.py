"""Networks as files that other programs run, and how far their answers are from the network's own."""
