"""Event-driven operations on latencies, one module each; import them from their modules."""
