"""Published networks, one a file."""
