"""Mail that looks real and has what is hard to carry, the same each time it is made."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

__all__ = ["make_mail"]

PEOPLE: Final = (
    ("Ada Lovelace", "ada@analytical.example"),
    ("Søren Kierkegaard", "soren@assistens.example"),
    ("Grace Hopper", "grace@cobol.example"),
    ("François Viète", "viete@algebra.example"),
    ("紫式部", "murasaki@genji.example"),
    ("Emmy Noether", "emmy@symmetry.example"),
    ("Build robot", "noreply@ci.example"),
)
SUBJECTS: Final = (
    "Minutes of Tuesday's meeting",
    "Re: the engine weaves algebraical patterns",
    "Invoice 2026-0117",
    "Smørrebrød on Friday?",
    "Fwd: tickets for the lecture",
    "[list] Re: Re: which end of the egg",
    "Build 4711 passed",
    "お花見のお知らせ",
)
SENTENCES: Final = (
    "Thank you for the drawings; the second one is upside down.",
    "Could we move it to half past three?",
    "The train was late, so I read your chapter twice.",
    "Nothing new here, except that the cat has learnt to open the fridge.",
    "I have attached the figures, and my doubts about them.",
    "Please reply to all, or to nobody.",
    "As agreed, the balance is due on the last day of the month.",
    "It compiles, which is where the trouble starts.",
)
ABROAD: Final = "Grüße aus Köln, à bientôt, 桜が咲きました, and 1 € for the cloakroom.\n"
DOTS: Final = ".\n..\n...\n.hidden\n. and a blank\n..two in front\nno dot\n.\n\n.\n"
BEGINNING: Final = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)


def make_mail(count: int = 400) -> Iterator[bytes]:
    """Messages as they lie on a disk, with LF or CRLF as the end of their lines."""
    chance = random.Random(1939)
    for number in range(1, count + 1):
        message = _headers(chance, number)
        rare = RARE.get(number % 50)
        (rare or chance.choice(COMMON))(message, chance)
        if message.is_multipart():
            message.set_boundary(f"=-part-{number}-=")
        yield _as_stored(message, number)


def _headers(chance: random.Random, number: int) -> EmailMessage:
    message = EmailMessage()
    name, address = chance.choice(PEOPLE)
    sent = BEGINNING + timedelta(minutes=97 * number)
    message["Received"] = f"from mx.{address.partition('@')[2]} by mail.example with ESMTPS"
    message["From"] = f"{name} <{address}>"
    message["To"] = "Alice <alice@mail.example>"
    message["Subject"] = chance.choice(SUBJECTS)
    message["Date"] = format_datetime(sent)
    message["Message-ID"] = f"<{number}.{chance.getrandbits(48):x}@{address.partition('@')[2]}>"
    return message


def _as_stored(message: EmailMessage, number: int) -> bytes:
    octets = message.as_bytes()
    if number % 11 == 0:
        return octets.rstrip(b"\n")
    if number % 13 == 0:
        return octets.replace(b"\n", b"\r\n")
    return octets


def _letter(message: EmailMessage, chance: random.Random) -> None:
    message.set_content(_text(chance))


def _reply(message: EmailMessage, chance: random.Random) -> None:
    quoted = "".join(f"> {line}\n" for line in _text(chance).splitlines())
    message.set_content(f"{quoted}\n{_text(chance)}\n-- \nSent from my teleprinter\n")


def _quoted_printable(message: EmailMessage, chance: random.Random) -> None:
    message.set_content(ABROAD + _text(chance), cte="quoted-printable")


def _eight_bit(message: EmailMessage, chance: random.Random) -> None:
    message.set_content(ABROAD + _text(chance), cte="8bit")


def _newsletter(message: EmailMessage, chance: random.Random) -> None:
    text = _text(chance)
    paragraphs = "".join(f"<p>{line}</p>\n" for line in text.splitlines())
    message.set_content(text)
    message.add_alternative(f"<html><body>\n{paragraphs}</body></html>\n", subtype="html")


def _attachment(message: EmailMessage, chance: random.Random) -> None:
    _letter(message, chance)
    data = chance.randbytes(chance.randrange(2_000, 60_000))
    message.add_attachment(data, maintype="application", subtype="pdf", filename="figures.pdf")


def _film(message: EmailMessage, chance: random.Random) -> None:
    _letter(message, chance)
    data = chance.randbytes(chance.randrange(1_000_000, 2_500_000))
    message.add_attachment(data, maintype="video", subtype="mp4", filename="cat-and-fridge.mp4")


def _dots(message: EmailMessage, chance: random.Random) -> None:
    message.set_content(DOTS * chance.randrange(1, 200))


def _long_line(message: EmailMessage, chance: random.Random) -> None:
    message.set_content("no end in sight, " * 5_000 + "\n", cte="8bit")


def _empty(message: EmailMessage, chance: random.Random) -> None:
    message.set_content("")


def _raw_latin_1(message: EmailMessage, chance: random.Random) -> None:
    message.set_content(_text(chance) + "Gruß aus Köln\n", charset="iso-8859-1", cte="8bit")


Kind = Callable[[EmailMessage, random.Random], None]

COMMON: Final[tuple[Kind, ...]] = (
    _letter,
    _reply,
    _reply,
    _quoted_printable,
    _eight_bit,
    _newsletter,
    _attachment,
)
RARE: Final[dict[int, Kind]] = {
    5: _dots,
    15: _long_line,
    25: _empty,
    35: _raw_latin_1,
    45: _dots,
    49: _film,
}


def _text(chance: random.Random) -> str:
    return "".join(f"{line}\n" for line in chance.choices(SENTENCES, k=chance.randrange(2, 25)))
