"""Label propagation: affinity, neighborhood, memory, the engine; around it objects and points.

It imports backbones, masks and runtime.
"""
