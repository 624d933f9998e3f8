"""The machinery that answers."""
