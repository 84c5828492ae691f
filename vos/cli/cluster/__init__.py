"""Verbs that hand work to a cluster."""
