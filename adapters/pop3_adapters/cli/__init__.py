"""The command `pop3`."""

import sys

__all__ = ["main"]

EXTRA = ("typer", "rich", "trustme", "cryptography")


def main() -> None:
    """Run the command with the arguments of this process."""
    try:
        from .app import app

        app()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRA:
            raise
        sys.exit(f'pop3: {missing} is missing: pip install "pop3-proto[cli]" brings it')
