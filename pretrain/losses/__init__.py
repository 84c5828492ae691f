"""The objectives: DINO's, and those it is compared with.

It imports distributed.
"""
