"""What the page may open, where its project lies, and what is open."""
