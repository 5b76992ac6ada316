"""The first line that a command prints: how a secret comes here without being on a command line."""

import shlex
import subprocess

from .statuses import CommandError
from .stop import Stop

__all__ = ["first_line"]


def first_line(command: str, secret: str, stop: Stop | None = None) -> bytes:
    """Run a command without a shell, and give what it prints up to the end of the first line.

    `secret` is what it prints, in a sentence. `stop` ends the command. Raises CommandError.
    """
    what = f"the command for the {secret}"
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise CommandError(f"{what} cannot be read: {error}") from None
    if not words:
        raise CommandError(f"{what} is empty")
    try:
        status, printed = _run(words, stop or Stop())
    except (OSError, ValueError) as error:
        raise CommandError(f"{what} could not be run: {error}") from None
    if status:
        raise CommandError(f"{what}, {words[0]}, failed with status {status}")
    return printed.partition(b"\n")[0]


def _run(words: list[str], stop: Stop) -> tuple[int, bytes]:
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            with stop.calling(process.kill):
                printed, _ = process.communicate()
        except BaseException:
            process.kill()
            _ = process.wait()  # which leaving `with` does not do for KeyboardInterrupt
            raise
    return process.returncode, printed
