"""Masks of a project or a run as files of every format, written in one pass over the frames."""
