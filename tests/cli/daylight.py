"""Class folders of noisy pictures, made on the spot."""

import numpy as np
from PIL import Image

COLOURS = {"day": (200, 200, 200), "night": (40, 40, 40)}


def draw(folder, colours, count=12, size=(30, 26)):
    """Class folders of noisy pictures, a colour a class."""
    numbers = np.random.default_rng(1)
    for label, colour in colours.items():
        (folder / label).mkdir(parents=True)
        for index in range(count):
            pixels = np.array(colour) + numbers.integers(-30, 30, (size[1], size[0], 3))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / label / f"{index:02}.png")
    return folder
