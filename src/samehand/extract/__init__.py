"""Text to observations: what a report shows, with the place where it stands."""
