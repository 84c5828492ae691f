"""Label propagation: affinity, neighborhood, memory, and the propagator around them.

It imports backbones, masks and runtime.
"""
