"""Compare two sets of responses, whoever they belong to."""
