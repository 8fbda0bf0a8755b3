"""Ultralytics classify as its page on Fashion-MNIST has it, from the YAML file instead of published weights.

docs/en/datasets/classify/fashion-mnist.md: ``YOLO("yolo26n-cls...").train(data=..., epochs=..., imgsz=28)``;
docs/en/tasks/classify.md: "build a new model from YAML". Nothing is fetched or reported: see ``trial.py``, and settings
of its own with ``sync`` off. Ultralytics is under the AGPL: it is installed in the environment of this benchmark alone.
"""

import os
import tempfile

from trial import Trial  # isort: skip

os.environ["YOLO_CONFIG_DIR"] = tempfile.mkdtemp()

import torch
import ultralytics
from ultralytics import YOLO, settings


def main() -> None:
    trial = Trial()
    settings.update({"sync": False, "tensorboard": False, "wandb": False})
    with tempfile.TemporaryDirectory() as runs:
        model = YOLO("yolo26n-cls.yaml")
        model.train(
            data=str(trial.data),
            epochs=trial.epochs,
            imgsz=28,
            seed=trial.seed,
            pretrained=False,
            device="cpu",
            workers=2,
            plots=False,
            project=runs,
            verbose=False,
        )
        trial.trained()
        best = YOLO(model.trainer.best)
        shown = best.predict(str(trial.test / "*" / "*.png"), imgsz=32, stream=True, verbose=False)
        answers = {answer.path: answer.names[answer.probs.top1] for answer in shown}
        validation = float(model.trainer.metrics["metrics/accuracy_top1"])
    trial.write(
        [answers[str(path)] for path in trial.images()],
        {"ultralytics": ultralytics.__version__, "torch": torch.__version__},
        validation=validation,
        what='YOLO("yolo26n-cls.yaml").train(data, epochs, imgsz=28): its defaults (batch 16, optimizer auto, '
        "randaugment, erasing 0.4; on a CPU all cores but one, and reading images in the same process), best.pt of the "
        "validation",
        documentation="docs.ultralytics.com/datasets/classify/fashion-mnist and /tasks/classify",
    )


if __name__ == "__main__":
    main()
