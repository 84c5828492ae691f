"""The files of a project: its journal, its masks, and the folders that other programs read."""
