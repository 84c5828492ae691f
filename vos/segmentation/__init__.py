"""One run from source to folder: `segment_video` and what it needs.

It imports propagation, backbones, video, masks, visualization and runtime.
"""
