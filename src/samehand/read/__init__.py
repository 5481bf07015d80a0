"""Files to text with provenance: what every later room reads, whatever the file was.

One module per kind of file; `reading` chooses among them. Nothing here fetches, runs or guesses an
observable: a reader gives text, and what the format itself says about places in it.
"""
