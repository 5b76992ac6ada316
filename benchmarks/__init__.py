"""How fast this library is, held against others that do the same: see README.md."""
