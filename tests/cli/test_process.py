"""The command as a process: how it ends, and what it does where its standard streams are closed."""

import json
import subprocess
import sys

import pytest

LENEXT = f"{sys.executable} -m lenext"


def shell(command):
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_nothing_that_was_printed_is_lost_at_the_end():
    done = shell(f"{LENEXT} models --json")
    assert done.returncode == 0
    assert any(row["name"] == "lenet5" for row in json.loads(done.stdout))


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_error(closed):
    assert shell(f"{LENEXT} models {closed}").returncode == 0


def test_an_error_has_its_status_where_nobody_hears_it():
    assert shell(f"{LENEXT} show no-such-network >&- 2>&-").returncode == 2


def test_what_is_printed_goes_into_no_file_that_was_opened(tmp_path, photos, trained):
    out = tmp_path / "answers.csv"
    done = shell(f"{LENEXT} predict {trained} {photos} --out {out} --json <&- >&- 2>&-")
    assert done.returncode == 0
    assert out.read_text().startswith("path,error,")
    assert "{" not in out.read_text()


def test_a_full_disk_behind_standard_output_is_said():
    done = shell(f"{LENEXT} models > /dev/full")
    assert done.returncode == 1
    assert "No space left" in done.stderr


def test_what_asked_to_be_called_at_the_end_is_called_and_no_thread_is_waited_for():
    done = python(
        "import atexit, sys, threading\n"
        "from lenext.cli import process\n"
        "atexit.register(lambda: print('called', end=''))\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        "sys.argv = ['lenext', 'nonsense']\n"
        "process()\n"
    )
    assert done.returncode == 2
    assert done.stdout == "called"
    assert "no command 'nonsense'" in done.stderr


INTERRUPTED = """
import sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == "click":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from lenext.__main__ import process
process()
"""


def test_ctrl_c_while_the_command_is_loaded_ends_it_without_a_word():
    done = python(INTERRUPTED)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_profiler_has_the_last_word(tmp_path):
    out = tmp_path / "profile"
    done = shell(f"{sys.executable} -m cProfile -o {out} -m lenext models")
    assert done.returncode == 0
    assert out.stat().st_size > 0
