"""The second engine: a consumer's code runs once, and its record is replayed on any link."""
