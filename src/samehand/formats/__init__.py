"""Records in and out, one mapping each way."""
