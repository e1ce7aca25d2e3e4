"""Hostile input: whatever it is, the result is a value or the error that belongs to it; ``python -m`` runs for long."""
