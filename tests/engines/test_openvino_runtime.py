"""OpenVINO begins without its converter, and has it for whoever asks."""

import subprocess
import sys

SCRIPT = """
import sys
from lenext.engines.openvino import runtime
package = runtime()
assert "openvino.tools.ovc" not in sys.modules, "the converter was loaded at the start"
assert runtime() is package
assert callable(package.convert_model) and "openvino.tools.ovc" in sys.modules
assert sys.modules["openvino_telemetry"] is None, "the converter reports its use"
assert not hasattr(package, "no_such_name")
assert "lenext.recipes" not in sys.modules and "torch" not in sys.modules
print(package.Core().available_devices)
"""


def test_the_converter_waits_until_it_is_asked_for():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "CPU" in done.stdout
