"""Knowing which channels can truly be seen."""
