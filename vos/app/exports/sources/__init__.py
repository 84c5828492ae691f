"""What exports read masks from, beside runs."""
