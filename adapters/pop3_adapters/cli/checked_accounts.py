"""Accounts that have been checked."""

import os
from collections.abc import Sequence
from functools import cache
from itertools import combinations
from pathlib import Path

from .accounts import Account, in_words, saying_where
from .fetch import Order
from .logins import check_login, login_for
from .place import Place
from .settings import Settings
from .statuses import CommandError
from .trust import tls_context
from .urls import server_url

__all__ = ["checked_orders"]


def checked_orders(accounts: Sequence[Account], trace: Path | None) -> list[Order]:
    """What is to be fetched, an order for each account; CommandError where that cannot be done.

    Nobody is connected to, and nothing is made on the disk.
    """
    if trace and len(accounts) > 1:
        raise CommandError(
            "--trace writes down one conversation: give one URL, or --accounts FILE and the name "
            "of one account in it"
        )
    contexts = cache(tls_context)  # authorities take their time to read
    orders: list[Order] = []
    for account in accounts:
        settings = account.settings
        with saying_where(account.where):
            url = server_url(settings.url or "")
            login = login_for(url, settings)
            check_login(login, url, settings)
            orders.append(
                Order(
                    url,
                    _place(settings),
                    contexts(settings.ca_file, settings.client_cert, settings.client_key),
                    login,
                    everything=bool(settings.all),
                    delete=bool(settings.delete),
                    trace=trace,
                )
            )
    for (account, order), (other, another) in combinations(zip(accounts, orders, strict=True), 2):
        with saying_where(other.where):
            _check_pair(another, order, account.label)
    return orders


def _place(settings: Settings) -> Place:
    match settings.maildir, settings.mbox, settings.eml:
        case Path() as path, None, None:
            place = Place("maildir", path)
        case None, Path() as path, None:
            place = Place("mbox", path)
        case None, None, Path() as path:
            place = Place("eml", path)
        case _:
            raise CommandError(
                "the mail goes to one place: give either --maildir DIR, --mbox FILE or --eml DIR"
            )
    if place.option == "mbox" and os.path.isdir(path):
        raise CommandError(f"--mbox {in_words(path)} is a folder: name a file")
    if place.option != "mbox" and os.path.isfile(path):
        raise CommandError(f"--{place.option} {in_words(path)} is a file: name a folder")
    return place


def _check_pair(order: Order, other: Order, label: str) -> None:
    """Two accounts may have one target, and need not: unique-ids are remembered by account."""
    path, account = in_words(order.place.path), order.url.account
    same_target = os.path.realpath(order.place.path) == os.path.realpath(other.place.path)
    if same_target and order.place.option != other.place.option:
        raise CommandError(
            f"{path} is its {order.place.option}, and the {other.place.option} of {label}: give "
            "one of them another place"
        )
    if account != other.url.account:
        return
    if order.url.port == other.url.port:
        names = "" if order.url.user else ", or name the users in both URLs"
        raise CommandError(f"it is the maildrop of {label} once more: leave one of them out{names}")
    if same_target:
        raise CommandError(
            f"it is {account}, as is {label}, and in {path} it could not be told what was fetched "
            "from which: give one of them another place"
        )
