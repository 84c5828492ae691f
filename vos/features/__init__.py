"""Features on their own: cached, extracted, written; attention maps.

It imports backbones, runtime, video and visualization.
"""
