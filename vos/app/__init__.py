"""The browser page: masks made by prompts, propagated, corrected and exported.

It imports segmentation, interactive, propagation, backbones, video, masks, visualization, runtime.
"""
