"""The clients that are measured, one module each."""
