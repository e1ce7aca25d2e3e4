"""Shell completion: what can be completed, and the scripts that do it."""
