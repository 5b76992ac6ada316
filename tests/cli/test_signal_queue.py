"""What wakes up the main thread."""

import signal
import threading

import pytest

from pop3_adapters.cli.signal_queue import SignalQueue

from .running import BOUND


def test_things_come_in_their_order() -> None:
    queue = SignalQueue[int]()
    with queue.signals_put(0):
        queue.put(1)
        queue.put(2)
        assert (queue.get(), queue.get()) == (1, 2)
        thread = threading.Thread(target=queue.put, args=(3,))
        thread.start()
        assert queue.get() == 3
        thread.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_wakes_whichever_thread_it_comes_to(number: signal.Signals) -> None:
    queue = SignalQueue[str]()
    over = threading.Event()

    def come() -> None:
        signal.raise_signal(number)  # to this thread
        over.wait(BOUND)

    thread = threading.Thread(target=come)
    with queue.signals_put("signal"):
        thread.start()
        assert queue.get() == "signal"
    over.set()
    thread.join()


def test_more_than_anybody_listens_to() -> None:
    queue = SignalQueue[int]()
    with queue.signals_put(-1):
        for number in range(100_000):
            queue.put(number)
        assert [queue.get() for _ in range(100_000)] == list(range(100_000))


def test_what_comes_too_late_is_lost() -> None:
    queue = SignalQueue[int]()
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with queue.signals_put(0):
        pass
    queue.put(1)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    assert wakeup == -1
