"""Tests against other people's servers and clients, the real ones, over loopback."""
