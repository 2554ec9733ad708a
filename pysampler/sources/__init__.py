"""Sources: what can be drawn from, by position."""
