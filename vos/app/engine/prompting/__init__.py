"""What is drawn on a frame, as masks of objects."""
