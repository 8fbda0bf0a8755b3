"""benchmarks/gpu.py, where no GPU is at hand: its dry run on the CPU writes the whole document."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "gpu.py"


def test_the_dry_run_measures_both_sides(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    told = [sys.executable, str(SCRIPT), "--dry-run", "--networks", "resnet50", "--out", str(out)]
    subprocess.run(told, check=True, capture_output=True, timeout=300)
    document = json.loads(out.read_text(encoding="utf-8"))
    rows = document["measurements"]
    assert [(row["what"], row["by"]) for row in rows] == [
        (what, by) for what in ("inference", "training") for by in ("lenext", "timm")
    ]
    assert all(0 < row["mfu"] < 1 and row["images_per_second"] > 0 for row in rows)
    assert [one["name"] for one in document["ratios"]] == ["resnet50, inference", "resnet50, training"]
    assert {"timm", "torch", "lenext"} <= set(document["versions"])
