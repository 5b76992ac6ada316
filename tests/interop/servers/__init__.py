"""Real POP3 servers out of Debian's packages, each in a namespace of its own.

The packages conflict with one another and would start services, so none is installed: `packages`
unpacks them into a cache, `namespace` lays the unpacked files over the machine's for one server's
eyes only. A module per server writes its configuration and its maildrops.
"""


class Unavailable(Exception):
    """This machine cannot run the server; the text says what would change that."""


class ServerFailed(Exception):
    """The server was started and did not come up; the text has its log."""
