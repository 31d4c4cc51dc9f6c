"""Means: other nodes, and what is asked of them."""
