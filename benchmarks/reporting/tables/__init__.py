"""Several runs in one table, for a paper or a spreadsheet."""
