"""The computing of the page: one worker for features, masks of prompts, and propagation."""
