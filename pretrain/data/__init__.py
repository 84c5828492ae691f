"""From samples to batches of crops on the device.

It imports sources and config.
"""
