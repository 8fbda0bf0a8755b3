"""fastai as its book has it for training from scratch on small grey images of a folder.

Fastbook chapter 4 ("Going Deeper"): ``ImageDataLoaders.from_folder``, ``vision_learner(dls, resnet18,
pretrained=False)``, ``fit_one_cycle``; chapter 7 ("Training a State-of-the-Art Model") for a longer training from
scratch: ``aug_transforms`` on batches and ``fit_one_cycle(epochs, 3e-3)``.
"""

from trial import Trial  # isort: skip

import fastai
import torch
from fastai.vision.all import (
    CrossEntropyLossFlat,
    ImageDataLoaders,
    accuracy,
    aug_transforms,
    resnet18,
    set_seed,
    vision_learner,
)


def main() -> None:
    trial = Trial()
    set_seed(trial.seed, reproducible=True)
    data = ImageDataLoaders.from_folder(
        trial.data, train="train", valid="val", batch_tfms=aug_transforms(), num_workers=2, seed=trial.seed
    )
    learner = vision_learner(
        data, resnet18, pretrained=False, loss_func=CrossEntropyLossFlat(), metrics=accuracy, path=trial.answers.parent
    )
    with learner.no_bar():
        learner.fit_one_cycle(trial.epochs, 3e-3)
    trial.trained()
    validation = float(learner.recorder.values[-1][2])  # train loss, validation loss, accuracy; predicting empties it
    shown = data.test_dl(trial.images())
    with learner.no_bar():
        scores, _ = learner.get_preds(dl=shown)
    classes = [data.vocab[index] for index in scores.argmax(1).tolist()]
    trial.write(
        classes,
        {"fastai": fastai.__version__, "torch": torch.__version__},
        validation=validation,
        what="vision_learner(from_folder(batch_tfms=aug_transforms()), resnet18, pretrained=False), "
        "fit_one_cycle(epochs, 3e-3), 28 px, batch 64, fp32",
        documentation="fastbook chapters 4 (Going Deeper) and 7 (Training a State-of-the-Art Model)",
    )


if __name__ == "__main__":
    main()
