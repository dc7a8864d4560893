"""The charts of a run as values, which a page or a picture can hold."""
