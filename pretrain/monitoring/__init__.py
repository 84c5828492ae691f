"""What is written of a run: log, curves, warnings.

It imports probes, training, data, sources and config.
"""
