"""Frames of a source by number, for programs that jump between them."""
