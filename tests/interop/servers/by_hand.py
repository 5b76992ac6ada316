"""A server started from a shell, to try things on until it is interrupted."""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tests.interop.servers import ServerFailed, Unavailable
from tests.interop.servers.server import Server

Running = Callable[[Path, tuple[int, int] | None, str], AbstractContextManager[Server]]


def run_by_hand(running: Running) -> None:
    """Run the server for as long as the shell lets it, and say on one line of JSON where it is."""
    parser = argparse.ArgumentParser(description="Run the server until it is interrupted.")
    parser.add_argument("work", type=Path, help="a folder that does not exist yet")
    parser.add_argument("port", type=int, help="for plain text and STLS")
    parser.add_argument("tls_port", type=int, help="for TLS from the start")
    parser.add_argument("setting", nargs="*", help="a setting of the server's own, as key=value")
    arguments = parser.parse_args()
    work, ports = arguments.work.absolute(), (arguments.port, arguments.tls_port)
    try:
        with running(work, ports, "\n".join(arguments.setting)) as server:
            print(describe(server), flush=True)
            signal.pause()
    except (Unavailable, ServerFailed, FileExistsError) as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        pass


def describe(server: Server) -> str:
    """What one needs to know to connect, as a line of JSON."""
    facts = {
        "host": server.host,
        "port": server.port,
        "tls_port": server.tls_port,
        "ca_file": str(server.ca_file),
        "log": str(server.log),
        "users": server.users,
        "version": server.version,
    }
    return json.dumps(facts, ensure_ascii=False)
