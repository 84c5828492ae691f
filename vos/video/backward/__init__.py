"""The frames of a source in falling order, the same as in rising order."""
