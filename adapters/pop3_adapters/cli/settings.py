"""What can be said of an account."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is said of an account, by the names of the options; None where nothing is."""

    url: str | None = None
    maildir: Path | None = None
    mbox: Path | None = None
    eml: Path | None = None
    delete: bool | None = None
    all: bool | None = None
    auth: str | None = None
    password_command: str | None = None
    token_command: str | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    ca_file: Path | None = None
    allow_insecure_auth: bool | None = None
    allow_utf8_login: bool | None = None

    def over(self, others: "Settings") -> "Settings":
        """These, and of the others what is not said here.

        A place for the mail is one thing, a password or a token another, a certificate with its
        key a third.
        """
        if self.maildir or self.mbox or self.eml:
            others = replace(others, maildir=None, mbox=None, eml=None)
        if self.password_command is not None or self.token_command is not None:
            others = replace(others, password_command=None, token_command=None)
        if self.client_cert:
            others = replace(others, client_key=None)
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(others, **{name: v for name, v in values.items() if v is not None})
