"""The 1998 LeNet-5 on the real handwritten digits that ship with scikit-learn: train, measure, predict, report.

Run it with `make demo`, or read it as the shortest tour of the Python interface.
"""

from pathlib import Path

from PIL import Image

import lenext
from lenext.cli.watch import screen
from lenext.data.listing import find, part

with screen(quiet=False) as watcher:
    # 1,438 digits train, a tenth of them chooses the best epoch; 359 digits are kept for the test.
    run = Path(lenext.train("digits", model="lenet5", epochs=80, watcher=watcher)["run"])

result = lenext.evaluate(run, "digits")
top1 = result["top1"]
print(
    f"\nTest: {top1['value']:.2%} of {result['images']} digits, 95 % interval {top1['low']:.2%} to {top1['high']:.2%}."
)

# A few test digits as picture files, as a user would have them.
test = part(find("digits"), "test")
pictures = run / "pictures"
pictures.mkdir(exist_ok=True)
for row in range(5):
    pixels = test.images.read(int(test.indices[row]), channels=1, background=255)[0].numpy()
    Image.fromarray(pixels).save(pictures / f"{test.names[row].replace('/', '-')}-is-{test.labels[row]}.png")

print("\nPredictions:")
for answer in lenext.predict(run, pictures, top=2):
    first, second = answer["predictions"]
    print(
        f"  {answer['path']}: {first['class']} ({first['probability']:.3f}), "
        f"then {second['class']} ({second['probability']:.3f})"
    )

print(f"\nEverything lies in {run}:")
for name in ("report.html", "README.md", "model.safetensors", "metrics.jsonl", "checkpoints"):
    print(f"  {run / name}")
