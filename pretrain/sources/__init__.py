"""Where images come from: folders, archives, shards, videos, and mixtures of them.

It imports no other wing.
"""
