"""Points through a video: one run from source to folder (`track_video`), or over frames at hand.

It imports segmentation, propagation, backbones, video, visualization and runtime.
"""
