"""Sets of images, their transforms, and frozen features of them.

It imports no other wing.
"""
