"""Student, teacher and their heads.

It imports config.
"""
