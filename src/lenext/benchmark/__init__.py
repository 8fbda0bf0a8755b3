"""How fast networks are on this machine, beside other libraries in the same minutes."""
