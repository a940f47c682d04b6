"""Commands that are too long for `neurospyke.cli`, one a file."""
