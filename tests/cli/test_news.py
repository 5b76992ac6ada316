"""What wakes up the main thread."""

import signal
import threading

import pytest

from pop3_adapters.cli.news import News

from .running import BOUND


def test_things_come_in_their_order() -> None:
    news = News[int]()
    with news.signals_put(0):
        news.put(1)
        news.put(2)
        assert (news.get(), news.get()) == (1, 2)
        thread = threading.Thread(target=news.put, args=(3,))
        thread.start()
        assert news.get() == 3
        thread.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_wakes_whichever_thread_it_comes_to(number: signal.Signals) -> None:
    news = News[str]()
    over = threading.Event()

    def come() -> None:
        signal.raise_signal(number)  # to this thread
        over.wait(BOUND)

    thread = threading.Thread(target=come)
    with news.signals_put("signal"):
        thread.start()
        assert news.get() == "signal"
    over.set()
    thread.join()


def test_more_than_anybody_listens_to() -> None:
    news = News[int]()
    with news.signals_put(-1):
        for number in range(100_000):
            news.put(number)
        assert [news.get() for _ in range(100_000)] == list(range(100_000))


def test_what_comes_too_late_is_lost() -> None:
    news = News[int]()
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with news.signals_put(0):
        pass
    news.put(1)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    assert wakeup == -1
