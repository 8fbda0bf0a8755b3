"""The commands of a day's work in a namespace without a single route; nothing is noted down to be reported later."""

import os
import shutil
import subprocess
import sys

import pytest

UNSHARE = shutil.which("unshare")
ALONE = [UNSHARE or "", "--net", "--"] if not hasattr(os, "geteuid") or os.geteuid() == 0 else [
    UNSHARE or "", "--net", "--map-root-user", "--"
]  # fmt: skip


def permitted():
    return UNSHARE is not None and subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not permitted(), reason="no network namespace may be made here")
def test_train_evaluate_predict_export_and_check_need_no_network(photos, tmp_path):
    run = tmp_path / "run"
    code = f"""if True:
        import socket
        import lenext
        try:
            socket.create_connection(("192.0.2.1", 80), timeout=2)  # an address for documentation
        except OSError:
            pass
        else:
            raise SystemExit("there is a route")
        lenext.check({str(photos)!r})
        lenext.train({str(photos)!r}, model="lenet5", epochs=1, batch_size=4, out={str(run)!r})
        lenext.evaluate({str(run)!r}, {str(photos)!r}, split="all")
        assert all(one["error"] is None for one in lenext.predict({str(run)!r}, {str(photos)!r}))
        lenext.export({str(run)!r}, to="onnx", data={str(photos)!r}, limit=1.0)
        lenext.export({str(run)!r}, to="openvino", int8=True, calibrate={str(photos)!r}, limit=1.0)
        print("done")"""
    home = tmp_path / "home"
    set_here = ("CI", "LENEXT_CACHE", "XDG_CACHE_HOME")
    elsewhere = {name: value for name, value in os.environ.items() if name not in set_here}
    done = subprocess.run(
        [*ALONE, sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env=elsewhere | {"HOME": str(home)},
    )  # fmt: skip
    assert done.stdout.endswith("done\n"), done.stderr
    assert [str(path.relative_to(home)) for path in home.glob("*")] == [".cache"]
    assert [path.name for path in (home / ".cache").iterdir()] == ["lenext"]
