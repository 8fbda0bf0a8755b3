"""The first signal is noted and answered where it is safe; the second one ends the process at once."""

import signal
import subprocess
import sys
import threading

import pytest

from lenext.training.signals import StopRequested, StopSignals

BOTH = [signal.SIGINT, signal.SIGTERM]


def handlers():
    return [signal.getsignal(number) for number in BOTH]


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_stops_at_the_next_poll_and_not_before(number):
    reached = []
    with pytest.raises(StopRequested) as caught, StopSignals() as signals:  # noqa: PT012 - the order is the point
        signals.poll()
        signal.raise_signal(number)
        reached.append("after the signal")
        signals.poll()
        reached.append("after the poll")
    assert caught.value.number == number
    assert reached == ["after the signal"]


def test_without_a_signal_polling_does_nothing():
    with StopSignals() as signals:
        signals.poll()
        assert signals.received == 0


@pytest.mark.parametrize("number", [0, *BOTH])
def test_afterwards_the_handlers_are_those_from_before(number):
    before = handlers()
    with StopSignals():
        assert handlers() != before
        if number:
            signal.raise_signal(number)
    assert handlers() == before


def test_an_error_inside_puts_them_back_too():
    before = handlers()
    with pytest.raises(ZeroDivisionError), StopSignals():
        _ = 1 / 0
    assert handlers() == before


@pytest.mark.parametrize("first", BOTH)
@pytest.mark.parametrize("second", BOTH)
def test_the_second_signal_acts_as_if_nobody_listened(first, second):
    code = f"""if True:
        import signal
        from lenext.training.signals import StopSignals
        with StopSignals() as signals:
            signal.raise_signal({int(first)})
            print("noted", flush=True)
            signal.raise_signal({int(second)})
            print("still here", flush=True)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "noted\n"
    assert done.returncode == -second


def test_in_another_thread_it_listens_to_nothing_and_works():
    before, inside = handlers(), []

    def work():
        with StopSignals() as signals:
            inside.extend(handlers())
            signals.poll()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == before
