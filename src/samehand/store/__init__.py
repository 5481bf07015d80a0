"""The workspace: the only room that executes SQL, and the analyst's journal beside it."""
