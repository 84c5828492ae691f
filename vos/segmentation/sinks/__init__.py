"""What takes the results of a run, frame by frame: pictures, videos and tables."""
