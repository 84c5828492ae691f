"""Frames in, videos out: reader, decoding, images, writer.

It imports pictures.
"""
