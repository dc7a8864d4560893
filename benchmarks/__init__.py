"""Measures this project's client beside others, against a server that knows its own times."""
