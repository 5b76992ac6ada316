"""The names of users, as clients may write them."""

from collections.abc import Iterable

from pop3_proto.saslprep import stored_or_nothing

__all__ = ["forms", "known_names"]


def forms(text: str) -> tuple[str, str]:
    """A name or a password as it is, and as SASLprep has it: some mechanisms send it so (RFC 4616,
    section 2)."""
    return text, stored_or_nothing(text) or text


def known_names(names: Iterable[str]) -> dict[str, str]:
    """Each name by its forms; by a form that is itself a name it is that one."""
    names = list(names)
    return {forms(name)[1]: name for name in names} | {name: name for name in names}
