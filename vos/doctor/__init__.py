"""Whether an installation works: versions, devices, codecs, weights, a tiny run of each part.

It imports runtime, masks, video, backbones, propagation, evaluation and segmentation.
"""
