"""Whole conversations, for drivers that do the I/O."""
