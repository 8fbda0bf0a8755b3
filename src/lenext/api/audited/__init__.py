"""What an audit is given, and what of the line is most like it."""
