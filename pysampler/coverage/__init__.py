"""Coverage: what was shown, what will be, and when."""
