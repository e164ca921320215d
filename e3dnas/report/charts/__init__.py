"""Charts: one description, drawn interactively for pages, on paper by matplotlib, and as a table."""
