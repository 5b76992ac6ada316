"""The commands: what they say, where they are legal, and what their replies mean.

The same object is sent by a client and reported by a server. A command of one's own is one more
class like these: `Command[T]` names the type of its result.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Final, Generic, TypeVar, cast, overload

from .base64 import encode_base64
from .capabilities import Capabilities
from .errors import LocalProtocolError, RemoteProtocolError
from .lines import breaks_line
from .listings import (
    MOST_DIGITS,
    Language,
    MailboxStat,
    ScanListing,
    UniqueId,
    parse_language,
    parse_last,
    parse_number,
    parse_scan_listing,
    parse_scan_listings,
    parse_stat,
    parse_unique_id,
    parse_unique_ids,
    split_lines,
)
from .responses import StatusLine, printable
from .sasl import decode_initial, encode_initial, is_mechanism_name
from .states import State

__all__ = [
    "COMMANDS",
    "Apop",
    "Auth",
    "Body",
    "Capa",
    "Command",
    "Dele",
    "Lang",
    "Last",
    "List",
    "Noop",
    "Pass",
    "Quit",
    "Retr",
    "Rpop",
    "Rset",
    "Stat",
    "Stls",
    "Top",
    "Uidl",
    "User",
    "Utf8",
]

T_co = TypeVar("T_co", covariant=True)

AUTHORIZATION: Final = frozenset({State.AUTHORIZATION})
TRANSACTION: Final = frozenset({State.TRANSACTION})
EITHER: Final = AUTHORIZATION | TRANSACTION

HIDDEN: Final = b"***"

SHORTEST_PART: Final = 4

BLANK: Final = ord(" ")


class Body(Enum):
    """What follows the status line of a positive reply; each kind has its limits."""

    NONE = "none"
    """Nothing: the reply is a single line."""

    CAPABILITIES = "capabilities"
    """What a server can do: capabilities, mechanisms, languages."""

    LISTING = "listing"
    """A line for each message."""

    MESSAGE = "message"
    """Octets that may be a great many, and mean nothing to POP3."""


@dataclass(frozen=True)
class Command(Generic[T_co]):
    """A command whose positive reply means a `T_co`.

    Subclasses are frozen dataclasses, as this is; without fields they need not say so. They set
    `verb` and `states`, and define what differs from a command without arguments and with a
    single-line reply.
    """

    __slots__ = ()

    verb: ClassVar[str]
    states: ClassVar[frozenset[State]]
    """Where the command is legal."""

    barrier: ClassVar[bool] = False
    """Whether nothing may be sent before the reply is there: real servers lose it."""

    verbatim: ClassVar[bool] = False
    """Whether everything behind the first blank is one argument, blanks included."""

    @property
    def body(self) -> Body:
        """Whether a positive reply is a multi-line one, and of which kind."""
        return Body.NONE

    def arguments(self) -> tuple[bytes, ...]:
        """The arguments as they are sent."""
        return ()

    def secrets(self) -> tuple[bytes, ...]:
        """Arguments, or parts of them, that must not be seen in a message, a log or a trace."""
        return ()

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Command[object]":
        """The command that a client sent with these arguments; ValueError says what is wrong."""
        if arguments:
            raise ValueError(f"{cls.verb} takes no argument")
        return cls()

    def result(self, reply: StatusLine, body: bytes) -> T_co:
        """What a positive reply means; `body` is empty unless the reply is a multi-line one."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its reply means")

    def line(self, most: int = 255) -> bytes:
        """The command as it is sent, in at most `most` octets with its CRLF.

        Raises LocalProtocolError for an argument that would not arrive as what it is.
        """
        words = [self.verb.encode("ascii")]
        for argument in self.arguments():
            if not self.verbatim and (not argument or BLANK in argument):
                raise LocalProtocolError(f"an argument of {self.verb} is empty or contains a blank")
            if argument:
                words.append(argument)
        line = b" ".join(words)
        if breaks_line(line):
            raise LocalProtocolError(
                f"{self.verb} would contain CR, LF or NUL, which no command can carry; take off a "
                "line end that comes from a file"
            )
        if len(line) + 2 > most:
            raise LocalProtocolError(
                f"{self.verb} would be {len(line) + 2} octets long, and servers need not take more "
                f"than {most}; use a shorter argument, or AUTH, whose lines may be long, for a "
                "password, or raise Limits.command_out for a server that takes longer ones"
            )
        return line + b"\r\n"

    def traced(self) -> bytes:
        """The line as it is traced: as it is sent, but for the secrets."""
        secrets = self.secrets()
        words = (HIDDEN if argument in secrets else argument for argument in self.arguments())
        return b" ".join((self.verb.encode("ascii"), *filter(None, words))) + b"\r\n"

    def __str__(self) -> str:
        """The command as it is quoted in messages, without secrets."""
        try:
            secrets = self.secrets()
            words = [argument for argument in self.arguments() if argument not in secrets]
        except LocalProtocolError:  # it cannot be sent, but it can be spoken of
            words = []
        return printable(b" ".join((self.verb.encode("ascii"), *words)))


class _Simple(Command[StatusLine]):
    """A command whose positive reply says no more than that."""

    __slots__ = ()

    def result(self, reply: StatusLine, body: bytes) -> StatusLine:
        return reply


def redact(octets: bytes, secrets: Iterable[bytes]) -> bytes:
    """What a peer says, without the secrets that it may repeat, in whatever case."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        octets = re.sub(re.escape(secret), HIDDEN, octets, flags=re.IGNORECASE)
    return octets


def secrets_in(response: bytes) -> tuple[bytes, ...]:
    """What a peer could repeat of a response of SASL: all of it, one of its parts, or a token in
    one, and the base64 of these.

    Parts of a few octets are words like others, and would be found in everything that it says.
    """
    parts = response.replace(b"\1", b"\0").split(b"\0")
    tokens = [part.rpartition(b" ")[2] for part in parts if part.lower().startswith(b"auth=")]
    told = {part for part in (response, *parts, *tokens) if len(part) >= SHORTEST_PART}
    return (*told, *map(encode_base64, told | {response} - {b""}))


def _octets(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    # Not as a context either: the error repeats what may be a password.
    with suppress(UnicodeEncodeError):
        return text.encode("utf-8")
    raise LocalProtocolError(
        "a name or password that is no Unicode, but has lone surrogates in it, has to be given as "
        "octets"
    )


def _digits(number: int, least: int, what: str) -> bytes:
    digits = b"%d" % number
    if number < least or len(digits) > MOST_DIGITS:
        raise LocalProtocolError(
            f"{number} is no {what}: those begin at {least} and have {MOST_DIGITS} digits at most"
        )
    return digits


def _message_number(number: int) -> bytes:
    return _digits(number, 1, "message-number")


def _numbers(verb: str, arguments: Sequence[bytes], count: int) -> list[int]:
    numbers = [number for number in map(parse_number, arguments) if number is not None]
    if len(arguments) != count or len(numbers) != count:
        raise ValueError(f"{verb} takes {'a number' if count == 1 else f'{count} numbers'}")
    if not numbers[0]:
        raise ValueError("message-numbers begin at 1")
    return numbers


def _one(verb: str, what: str, arguments: Sequence[bytes]) -> bytes:
    if len(arguments) != 1:
        raise ValueError(f"{verb} takes {what}")
    return arguments[0]


@dataclass(frozen=True, slots=True, init=False)
class User(_Simple):
    """USER name (RFC 1939, section 7). Text is sent as UTF-8, octets as they are."""

    verb = "USER"
    states = AUTHORIZATION
    verbatim = True

    name: bytes

    def __init__(self, name: str | bytes) -> None:
        object.__setattr__(self, "name", _octets(name))

    def arguments(self) -> tuple[bytes, ...]:
        return (self.name,)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "User":
        return cls(b"".join(arguments))


@dataclass(frozen=True, slots=True, init=False)
class Pass(_Simple):
    """PASS password (RFC 1939, section 7). Text is sent as UTF-8, octets as they are."""

    verb = "PASS"
    states = AUTHORIZATION
    barrier = True
    verbatim = True

    password: bytes = field(repr=False)

    def __init__(self, password: str | bytes) -> None:
        object.__setattr__(self, "password", _octets(password))

    def arguments(self) -> tuple[bytes, ...]:
        return (self.password,)

    def secrets(self) -> tuple[bytes, ...]:
        return (self.password,)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Pass":
        return cls(b"".join(arguments))


@dataclass(frozen=True, slots=True, init=False)
class Rpop(_Simple):
    """RPOP name: log in as a user of a trusted host, behind USER (RFC 1081); no server of today
    should take it."""

    verb = "RPOP"
    states = AUTHORIZATION
    barrier = True

    name: bytes

    def __init__(self, name: str | bytes) -> None:
        object.__setattr__(self, "name", _octets(name))

    def arguments(self) -> tuple[bytes, ...]:
        return (self.name,)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Rpop":
        return cls(_one("RPOP", "a name", arguments))


@dataclass(frozen=True, slots=True, init=False)
class Apop(_Simple):
    """APOP name digest (RFC 1939, section 7); `apop.apop_digest` makes the digest."""

    verb = "APOP"
    states = AUTHORIZATION
    barrier = True

    name: bytes
    digest: bytes = field(repr=False)

    def __init__(self, name: str | bytes, digest: bytes) -> None:
        object.__setattr__(self, "name", _octets(name))
        object.__setattr__(self, "digest", digest)

    def arguments(self) -> tuple[bytes, ...]:
        return (self.name, self.digest)

    def secrets(self) -> tuple[bytes, ...]:
        return (self.digest,)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Apop":
        if len(arguments) != 2:
            raise ValueError("APOP takes a name and a digest")
        return cls(*arguments)


@dataclass(frozen=True, slots=True, init=False)
class Auth(Command[T_co]):
    """AUTH: an exchange of challenges and responses, or the mechanisms that there are.

    `Auth(mechanism)` begins an exchange (RFC 5034, section 4), perhaps with the client's first
    response in it; `last` says that with that one the mechanism has said all that it has to say.
    `Auth()` asks for a listing, which is in no RFC: some servers answer it, and some
    end the connection.
    """

    verb = "AUTH"
    states = AUTHORIZATION
    barrier = True

    mechanism: str | None
    initial: bytes | None = field(repr=False)
    last: bool

    @overload
    def __init__(self: "Auth[list[str]]") -> None: ...
    @overload
    def __init__(
        self: "Auth[StatusLine]", mechanism: str, initial: bytes | None = None, last: bool = False
    ) -> None: ...
    def __init__(
        self, mechanism: str | None = None, initial: bytes | None = None, last: bool = False
    ) -> None:
        object.__setattr__(self, "mechanism", mechanism.upper() if mechanism else mechanism)
        object.__setattr__(self, "initial", initial)
        object.__setattr__(self, "last", last)

    @property
    def body(self) -> Body:
        return Body.CAPABILITIES if self.mechanism is None else Body.NONE

    def arguments(self) -> tuple[bytes, ...]:
        if self.mechanism is None:
            return ()
        name = self.mechanism.encode("ascii", "replace")
        if not is_mechanism_name(name):
            raise LocalProtocolError(
                f"{self.mechanism!r} is no name of a mechanism: 1 to 20 of A-Z, 0-9, - and _"
            )
        return (name,) if self.initial is None else (name, encode_initial(self.initial))

    def secrets(self) -> tuple[bytes, ...]:
        return secrets_in(self.initial or b"")

    def __str__(self) -> str:
        # The name is told even where the secret happens to be the same.
        name = (self.mechanism or "").encode("ascii", "replace")
        words = ["AUTH", *([name.decode()] if is_mechanism_name(name) else [])]
        return " ".join([*words, "="] if self.initial == b"" else words)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Auth[object]":
        if not arguments:
            return Auth()
        name, *initial = arguments
        decoded = decode_initial(initial[0]) if initial else None
        if len(initial) > 1 or not is_mechanism_name(name.upper()):
            raise ValueError("AUTH takes the name of a mechanism and an initial response")
        if initial and decoded is None:
            raise ValueError("the initial response is no base64")
        return Auth(name.decode("ascii"), decoded)

    def traced(self) -> bytes:
        if not self.mechanism or not self.initial:
            return self.line()
        return Auth(self.mechanism, HIDDEN).line()  # so that it is base64, as it was

    def result(self, reply: StatusLine, body: bytes) -> T_co:
        if self.mechanism is None:
            return cast(T_co, [printable(line.strip()).upper() for line in split_lines(body)])
        return cast(T_co, reply)


class Utf8(_Simple):
    """UTF8: mail and mailbox names in UTF-8 from here on (RFC 6856, section 2); before the login,
    and behind STLS."""

    __slots__ = ()

    verb = "UTF8"
    states = AUTHORIZATION


@dataclass(frozen=True, slots=True, init=False)
class Lang(Command[T_co]):
    """LANG: the languages that the server speaks, or speak one of them (RFC 6856, section 3).

    `Lang("de")` chooses and gives the tag of what was chosen; `Lang("*")` leaves it to the server.
    """

    verb = "LANG"
    states = EITHER

    tag: str | None

    @overload
    def __init__(self: "Lang[list[Language]]", tag: None = None) -> None: ...
    @overload
    def __init__(self: "Lang[str]", tag: str) -> None: ...
    def __init__(self, tag: str | None = None) -> None:
        object.__setattr__(self, "tag", tag)

    @property
    def body(self) -> Body:
        return Body.CAPABILITIES if self.tag is None else Body.NONE

    def arguments(self) -> tuple[bytes, ...]:
        return () if self.tag is None else (_octets(self.tag),)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Lang[object]":
        if not arguments:
            return Lang()
        return Lang(_one("LANG", "a language tag", arguments).decode("ascii", "backslashreplace"))

    def result(self, reply: StatusLine, body: bytes) -> T_co:
        if self.tag is None:
            return cast(T_co, list(map(parse_language, split_lines(body))))
        return cast(T_co, parse_language(reply.octets).tag)


class Stls(_Simple):
    """STLS: begin TLS behind the positive reply (RFC 2595, section 4)."""

    __slots__ = ()

    verb = "STLS"
    states = AUTHORIZATION
    barrier = True


class Capa(Command[Capabilities]):
    """CAPA: what the server can do (RFC 2449, section 5)."""

    __slots__ = ()

    verb = "CAPA"
    states = EITHER

    @property
    def body(self) -> Body:
        return Body.CAPABILITIES

    def result(self, reply: StatusLine, body: bytes) -> Capabilities:
        return Capabilities(tuple(split_lines(body)))


class Stat(Command[MailboxStat]):
    """STAT: how much the maildrop holds (RFC 1939, section 5)."""

    __slots__ = ()

    verb = "STAT"
    states = TRANSACTION

    def result(self, reply: StatusLine, body: bytes) -> MailboxStat:
        return parse_stat(reply.octets)


class _Listing(Command[T_co]):
    """A command that answers with a listing of all messages, or with the entry of one."""

    __slots__ = ()

    states = TRANSACTION
    number: int | None
    _entry: ClassVar[Callable[[bytes], tuple[int, object]]]
    _entries: ClassVar[Callable[[bytes], object]]

    @property
    def body(self) -> Body:
        return Body.LISTING if self.number is None else Body.NONE

    def arguments(self) -> tuple[bytes, ...]:
        return () if self.number is None else (_message_number(self.number),)

    def result(self, reply: StatusLine, body: bytes) -> T_co:
        if self.number is None:
            return cast(T_co, type(self)._entries(body))
        found = type(self)._entry(reply.octets)
        if found[0] != self.number:
            raise RemoteProtocolError(f"the server answered {self} with message {found[0]}")
        return cast(T_co, found)


@dataclass(frozen=True, slots=True, init=False)
class List(_Listing[T_co]):
    """LIST: the scan listings of all messages, or of one (RFC 1939, section 5)."""

    verb = "LIST"
    _entry = parse_scan_listing
    _entries = parse_scan_listings

    number: int | None

    @overload
    def __init__(self: "List[list[ScanListing]]", number: None = None) -> None: ...
    @overload
    def __init__(self: "List[ScanListing]", number: int) -> None: ...
    def __init__(self, number: int | None = None) -> None:
        object.__setattr__(self, "number", number)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "List[object]":
        return List(*_numbers(cls.verb, arguments, 1)) if arguments else List()


@dataclass(frozen=True, slots=True, init=False)
class Uidl(_Listing[T_co]):
    """UIDL: the unique-ids of all messages, or of one (RFC 1939, section 7)."""

    verb = "UIDL"
    _entry = parse_unique_id
    _entries = parse_unique_ids

    number: int | None

    @overload
    def __init__(self: "Uidl[list[UniqueId]]", number: None = None) -> None: ...
    @overload
    def __init__(self: "Uidl[UniqueId]", number: int) -> None: ...
    def __init__(self, number: int | None = None) -> None:
        object.__setattr__(self, "number", number)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Uidl[object]":
        return Uidl(*_numbers(cls.verb, arguments, 1)) if arguments else Uidl()


@dataclass(frozen=True, slots=True)
class Retr(Command[bytes]):
    """RETR: a whole message (RFC 1939, section 5)."""

    verb = "RETR"
    states = TRANSACTION

    number: int

    @property
    def body(self) -> Body:
        return Body.MESSAGE

    def arguments(self) -> tuple[bytes, ...]:
        return (_message_number(self.number),)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Retr":
        return cls(*_numbers(cls.verb, arguments, 1))

    def result(self, reply: StatusLine, body: bytes) -> bytes:
        return body


@dataclass(frozen=True, slots=True)
class Top(Command[bytes]):
    """TOP: the headers of a message and the first lines of its body (RFC 1939, section 7)."""

    verb = "TOP"
    states = TRANSACTION

    number: int
    lines: int

    @property
    def body(self) -> Body:
        return Body.MESSAGE

    def arguments(self) -> tuple[bytes, ...]:
        return (_message_number(self.number), _digits(self.lines, 0, "number of lines"))

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Top":
        return cls(*_numbers(cls.verb, arguments, 2))

    def result(self, reply: StatusLine, body: bytes) -> bytes:
        return body


@dataclass(frozen=True, slots=True)
class Dele(_Simple):
    """DELE: mark a message, to be deleted in UPDATE (RFC 1939, section 5)."""

    verb = "DELE"
    states = TRANSACTION

    number: int

    def arguments(self) -> tuple[bytes, ...]:
        return (_message_number(self.number),)

    @classmethod
    def parse(cls, arguments: Sequence[bytes]) -> "Dele":
        return cls(*_numbers(cls.verb, arguments, 1))


class Noop(_Simple):
    """NOOP: nothing but a reply (RFC 1939, section 5)."""

    __slots__ = ()

    verb = "NOOP"
    states = TRANSACTION


class Last(Command[int]):
    """LAST: the highest message-number that was retrieved (RFC 1460, section 5); RFC 1939 has
    dropped it."""

    __slots__ = ()

    verb = "LAST"
    states = TRANSACTION

    def result(self, reply: StatusLine, body: bytes) -> int:
        return parse_last(reply.octets)


class Rset(_Simple):
    """RSET: take back every mark (RFC 1939, section 5)."""

    __slots__ = ()

    verb = "RSET"
    states = TRANSACTION


class Quit(_Simple):
    """QUIT: end the session; from TRANSACTION, delete what is marked (RFC 1939, section 6)."""

    __slots__ = ()

    verb = "QUIT"
    states = EITHER
    barrier = True


def parse_command(
    line: bytes, vocabulary: Mapping[bytes, type[Command[object]]]
) -> Command[object]:
    """The command that a line without its end is, by the verbs of `vocabulary` in upper case.

    Raises ValueError, whose text repeats nothing of the line, where it is none.
    """
    if breaks_line(line):
        raise ValueError("a command contains no CR and no NUL")
    verb, blank, rest = line.partition(b" ")
    command = vocabulary.get(verb.upper())
    if command is None:
        raise ValueError("unknown command" if verb else "no command")
    if command.verbatim:
        return command.parse([rest] if blank else [])
    return command.parse([word for word in rest.split(b" ") if word])


COMMANDS: Final[tuple[type[Command[object]], ...]] = (
    User,
    Pass,
    Rpop,
    Apop,
    Auth,
    Utf8,
    Lang,
    Stls,
    Capa,
    Stat,
    List,
    Retr,
    Dele,
    Noop,
    Last,
    Rset,
    Top,
    Uidl,
    Quit,
)
"""The vocabulary that both roles know from the start."""

CREDENTIALS: Final = frozenset({"PASS", "RPOP", "APOP", "AUTH"})
"""The verbs whose refusal without a code means that the credentials are wrong."""
