"""Tables: what is drawn from."""
