"""Options that came by their names, which nothing else checks while a program runs."""

from collections.abc import Collection, Mapping

from pop3_proto import TlsPolicy

__all__ = ["check_alone", "check_options"]


def check_options(options: Mapping[str, object], known: Collection[str]) -> None:
    """Raise TypeError for a name that is not known, and for a `tls` that is no policy: one that was
    not understood would mean no TLS."""
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise TypeError(f"there is no option {unknown[0]!r}: there are {', '.join(known)}")
    tls = options.get("tls", TlsPolicy.NONE)
    if not isinstance(tls, TlsPolicy):
        raise TypeError(f"tls is a TlsPolicy, as TlsPolicy.STLS, and not {tls!r}")


def check_alone(options: Mapping[str, object]) -> None:
    """Raise ValueError for what makes no sense with a single connection, which nobody accepts."""
    for name in ("connections", "connections_per_address", "proxies"):
        if name in options:
            raise ValueError(f"serve_stream accepts no connections: leave out {name}=")
