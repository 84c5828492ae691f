"""Propagation of which what is known already is not computed again."""
