"""The exceptions: what you did, what the peer did, and what the server refused."""

from typing import TYPE_CHECKING, ClassVar, Final

from .hints import Hint, hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .commands import Command
    from .mechanisms.oauth import TokenRefusal
    from .responses import ResponseCode, StatusLine

__all__ = [
    "AuthenticationFailed",
    "BodyTooLarge",
    "CommandFailed",
    "DeletionsUnconfirmed",
    "LineTooLong",
    "LocalProtocolError",
    "LoginDelay",
    "LoginImpossible",
    "MailboxInUse",
    "PermanentFailure",
    "PlaintextAfterStls",
    "Pop3Error",
    "ProtocolError",
    "RemoteProtocolError",
    "StlsRefused",
    "TemporaryFailure",
    "TokenRefused",
    "UnexpectedEof",
    "UnsolicitedReply",
    "Utf8Required",
]


class Pop3Error(Exception):
    """The base of every exception of this library."""


class ProtocolError(Pop3Error):
    """POP3 was not kept to."""


class LocalProtocolError(ProtocolError):
    """This program asked for what is not allowed here; it was not sent."""


NOT_OFFERED: Final = "the server does not offer it"


class LoginImpossible(LocalProtocolError):
    """There is no way to log in; nothing was sent.

    `offered` are the ways that the server has announced, empty where it has not said; `obstacles`
    has, for each way, why it cannot be taken.
    """

    def __init__(self, offered: tuple[str, ...], obstacles: "Mapping[str, str]") -> None:
        takes = ", ".join(offered)
        offers = f"the server offers {takes}" if takes else "the server has not said what it takes"
        worth_telling = {way: text for way, text in obstacles.items() if text != NOT_OFFERED}
        reasons = "".join(f"; {way}: {text}" for way, text in worth_telling.items())
        reasons = reasons or ", and nothing that is known here"
        super().__init__(f"there is no way to log in: {offers}{reasons}")
        self.offered = offered
        self.obstacles = obstacles


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol.

    The connection cannot go on where the state is BROKEN; a single result that cannot be read
    leaves it usable.
    """


class LineTooLong(RemoteProtocolError):
    """A line is longer than the limit of `limit` octets."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the peer sent a line of more than {limit} octets; a greater limit can be set in "
            "Limits where such a line is to be expected"
        )
        self.limit = limit


class BodyTooLarge(RemoteProtocolError):
    """A multi-line response exceeds `limit`, in octets or in lines as `unit` says."""

    def __init__(self, command: str, limit: int, unit: str = "octets") -> None:
        super().__init__(
            f"the response to {command} has more than {limit} {unit}; a greater limit can be set "
            "in Limits where such a response is to be expected"
        )
        self.command = command
        self.limit = limit
        self.unit = unit


class UnexpectedEof(RemoteProtocolError):
    """The peer ended the connection while `pending` had not been answered in full.

    `cut_off`: it did not end TLS before. `refusal`: what it had said of a token of OAuth.
    """

    refusal: "TokenRefusal | None" = None

    def __init__(
        self, when: str, pending: "tuple[Command[object], ...]" = (), *, cut_off: bool = False
    ) -> None:
        how = ", without ending TLS: somebody on the way may have cut it off" if cut_off else ""
        super().__init__(f"the peer ended the connection {when}{how}")
        self.pending = pending
        self.cut_off = cut_off

    def __str__(self) -> str:
        told = f"; of the token it said before: {self.refusal}" if self.refusal else ""
        return f"{super().__str__()}{told}"


class PlaintextAfterStls(RemoteProtocolError):
    """Octets came in plaintext where TLS had to begin: they may be an attacker's (RFC 2595)."""

    def __init__(self) -> None:
        super().__init__(
            "plaintext arrived behind STLS where TLS had to begin; somebody on the way may have "
            "put it there, so the connection was given up"
        )


class UnsolicitedReply(RemoteProtocolError):
    """The server sent `reply` although no command was waiting for it."""

    def __init__(self, reply: "StatusLine") -> None:
        super().__init__(
            f"the server sent a reply that nobody asked for: {describe(reply)}; replies can no "
            "longer be told apart, open a new connection"
        )
        self.reply = reply


class CommandFailed(Pop3Error):
    """The server answered `-ERR`: `reply` is its answer, `command` what it refused."""

    remedy: ClassVar[str] = ""
    """What to do about it, where that is always the same."""

    def __init__(self, command: str, reply: "StatusLine") -> None:
        super().__init__(f"the server refused {command}: {describe(reply)}{self.remedy}")
        self.command = command
        self.reply = reply

    @property
    def code(self) -> "ResponseCode | None":
        """The response code of the reply, if it has one."""
        return self.reply.code

    @property
    def hint(self) -> Hint | None:
        """What the words of a reply without a response code seem to mean, where they are known."""
        return None if self.code else hint(self.reply.octets)


class AuthenticationFailed(CommandFailed):
    """The name or the password is wrong, or not allowed in (RFC 3206, section 4)."""

    untried: tuple[str, ...] = ()
    """Other ways to log in, which were not tried with the same password: that locks accounts."""

    in_one_line = False
    """Whether AUTH carried the response, which some servers refuse."""

    def __str__(self) -> str:
        words = super().__str__()
        if self.in_one_line:
            words += "; if the password is right, try initial_response=False"
        if self.untried:
            words += (
                f"; nothing else was tried with this password: {', '.join(self.untried)} can be "
                "named with mechanism="
            )
        return words


class TokenRefused(AuthenticationFailed):
    """The server has refused a token of OAuth, and says why in `refusal` (RFC 7628, section
    3.2.2)."""

    def __init__(self, command: str, reply: "StatusLine", refusal: "TokenRefusal") -> None:
        super().__init__(command, reply)
        self.refusal = refusal

    def __str__(self) -> str:
        return f"{super().__str__()}; of the token it says: {self.refusal}"


class MailboxInUse(CommandFailed):
    """Another session holds the maildrop; the password was right (RFC 2449, section 8.1.2)."""


class LoginDelay(CommandFailed):
    """The last login is too recent; the password was right (RFC 2449, section 8.1.1)."""


class TemporaryFailure(CommandFailed):
    """The server cannot do it now; trying later makes sense (RFC 3206, section 4)."""


class PermanentFailure(CommandFailed):
    """The server will not do it until somebody mends something (RFC 3206, section 4)."""


class Utf8Required(CommandFailed):
    """The message can be had in UTF-8 mode only (RFC 6856, section 5)."""

    remedy = "; open a new session and send UTF8 before the login"


class StlsRefused(CommandFailed):
    """TLS is required, and the server refused STLS."""

    remedy = "; TLS is required, try implicit TLS (port 995)"


class DeletionsUnconfirmed(Pop3Error):
    """Messages were marked as deleted, and the server did not confirm that they are gone."""

    def __init__(self, marked: frozenset[int], quit_sent: bool) -> None:
        outcome = (
            "it is not known which of them it deleted: compare unique-ids in the next session"
            if quit_sent
            else "QUIT could not be sent, so none of them is deleted"
        )
        super().__init__(f"the server did not confirm {len(marked)} deletions; {outcome}")
        self.marked = marked
        self.quit_sent = quit_sent


def describe(reply: "StatusLine") -> str:
    """A reply as it is quoted in a message."""
    code = f"[{reply.code}] " if reply.code else ""
    return f"{'+OK' if reply.ok else '-ERR'} {code}{reply.text}".rstrip()
