"""Label propagation: affinity, neighborhood, memory, the engine, and the propagator around it.

It imports backbones, masks and runtime.
"""
