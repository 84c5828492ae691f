"""The verb that serves the page in the browser."""
