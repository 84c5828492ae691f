"""Sources that are one file of several pictures, or come live: pages, archives, connections."""
