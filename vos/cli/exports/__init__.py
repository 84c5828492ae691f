"""Verbs that write what was made in the formats of other programs."""
