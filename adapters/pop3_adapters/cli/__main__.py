"""`python -m pop3_adapters.cli` is `pop3`."""

from . import main

main()
