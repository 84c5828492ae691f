"""What code runs on: devices, threads, processes, signals, progress, provenance.

It imports no other wing.
"""
