"""Looks at the teacher during a run.

It imports training, data, sources and config.
"""
