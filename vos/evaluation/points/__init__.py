"""Scores of predicted points: PCK of joints, PCK-T of BADJA, the figures of TAP-Vid."""
