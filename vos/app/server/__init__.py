"""The page's server: who may ask, which files it reads, sources, changes, jobs and events."""
