"""What a run is asked to do: its numbers, its folders, its presets.

It imports sources.
"""
