"""Pages, pictures and terminal text made of an `Assessment`; nothing here computes evidence."""
