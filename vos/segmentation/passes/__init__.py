"""Passes over the frames of a run: forward, or backward and forward with a merge of both."""
