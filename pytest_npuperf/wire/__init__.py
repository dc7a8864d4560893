"""How requests go out and how their responses are stamped."""
