"""Every network of the line, exported to ONNX by both of torch's exporters, must be recognised by ``lenext audit``.

``make audit-exports``, or ``python benchmarks/audit_exports.py --exporters torchscript --networks 'resnet*'``. The
result file grows with every network; those that it has recognised are not done again without ``--anew``, and several
processes may share it. It takes hours, and the largest networks take more than 14 GB of memory.
"""

import argparse
import fnmatch
import gc
import json
import logging
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch
from result import RESULTS, head, write

from lenext.api.audit import audit
from lenext.models import create_model, line, list_models

RESULT = RESULTS / "audit-exports.json"
EXPORTERS = {"torchscript": False, "dynamo": True}


def export(name: str, exporter: str, file: Path) -> None:
    """A freshly built network, its weights in a file of their own where the exporter can put them there."""
    network = create_model(name).eval()
    image = torch.zeros(1, *network.input_size)
    more = {"external_data": True} if EXPORTERS[exporter] else {}
    with torch.no_grad():
        torch.onnx.export(network, (image,), str(file), dynamo=EXPORTERS[exporter], verbose=False, **more)


def measured(name: str, exporter: str) -> dict:
    """What the audit says of one export; ``recognised``: as itself, or as one of those that are the same as it."""
    entry = {"name": name, "exporter": exporter, "recognised": False}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        start = time.monotonic()
        try:
            export(name, exporter, file)
            gc.collect()
            written = time.monotonic()
            found = audit(str(file))
        except Exception as error:  # noqa: BLE001 - an exporter's too: each is a row of the result
            return entry | {"error": f"{type(error).__name__}: {error}"[:400]}
    equal = found["indistinguishable"]
    itself = (found["closest"], found["reading"]) == (name, "paper")
    return entry | {
        "recognised": (itself and not found["differences"]) or (name in equal and not found["beyond_reading"]),
        "closest": found["closest"],
        "reading": found["reading"],
        "indistinguishable": equal,
        "differences": [[one["what"], one["paper"], one["found"], one["where"]] for one in found["differences"][:6]],
        "seconds": {"export": round(written - start, 1), "audit": round(time.monotonic() - written, 1)},
    }


def document(rows: list[dict]) -> dict:
    """What the result file says."""
    return {
        **head(
            "our networks exported to ONNX by torch, and what `lenext audit` takes the files for",
            "make audit-exports",
            f"{torch.get_num_threads()} threads",
        ),
        "networks": len(list_models()),
        "exports": len(rows),
        "recognised": sum(row["recognised"] for row in rows),
        "failed": [f"{row['name']} by {row['exporter']}" for row in rows if not row["recognised"]],
        "measurements": rows,
    }


def known(result: Path) -> list[dict]:
    """The rows so far."""
    return json.loads(result.read_text())["measurements"] if result.is_file() else []


def keep(row: dict, result: Path) -> None:
    """Add the row to those in the file, which another process may have added to meanwhile."""
    others = [old for old in known(result) if (old["name"], old["exporter"]) != (row["name"], row["exporter"])]
    rows = sorted([*others, row], key=lambda one: (list_models().index(one["name"]), one["exporter"]))
    result.parent.mkdir(exist_ok=True)
    write(result, document(rows))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--exporters", nargs="+", choices=EXPORTERS, default=list(EXPORTERS))
    words.add_argument("--networks", default="*", help="a pattern")
    words.add_argument("--result", type=Path, default=RESULT)
    words.add_argument("--anew", action="store_true", help="also those that were recognised before")
    asked = words.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    order = sorted(list_models(), key=lambda name: line()[name]["params"])
    for name in fnmatch.filter(order, asked.networks):
        for exporter in asked.exporters:
            done = [row for row in known(asked.result) if (row["name"], row["exporter"]) == (name, exporter)]
            if done and done[0]["recognised"] and not asked.anew:
                continue
            row = measured(name, exporter)
            keep(row, asked.result)
            told = "recognised" if row["recognised"] else row.get("error") or f"taken for {row['closest']}"
            print(f"{name} by {exporter}: {told}", flush=True)
    rows = known(asked.result)
    wrong = [row for row in rows if not row["recognised"]]
    missing = len(order) * len(EXPORTERS) - len(rows)
    print(f"{len(rows) - len(wrong)} recognised, {len(wrong)} not, {missing} not done yet: {asked.result}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
