"""Photographs by class from the Debian package tuxpaint-stamps-default: 8 classes, 238 pictures, PNG with alpha.

``python benchmarks/photographs.py FOLDER`` fills FOLDER with a class folder of links for each class. The drawings of
the package, which lie in folders called ``cartoon``, are left out; so are the files beside a picture (sounds, texts).
"""

import argparse
from pathlib import Path

STAMPS = Path("/usr/share/tuxpaint/stamps")

# Class, and where in the package its pictures lie.
CLASSES = {
    "birds": "animals/birds",
    "clothes": "clothes",
    "flowers": "plants/flowers",
    "fruit": "food/fruit",
    "household": "household",
    "mammals": "animals/mammals",
    "vegetables": "food/vegetables",
    "vehicles": "vehicles",
}
IMAGES = 238


def photographs(stamps: Path = STAMPS) -> dict[str, list[Path]]:
    """The pictures of every class, in order."""
    found = {
        name: sorted(path for path in (stamps / place).rglob("*.png") if "cartoon" not in path.parts)
        for name, place in CLASSES.items()
    }
    if not any(found.values()):
        raise SystemExit(f"There are no pictures under {stamps}: apt-get install tuxpaint-stamps-default.")
    return found


def build(folder: Path, stamps: Path = STAMPS) -> int:
    """Class folders of links in ``folder``; returns how many pictures there are."""
    count = 0
    for name, paths in photographs(stamps).items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for path in paths:
            link = folder / name / "-".join(path.relative_to(stamps / CLASSES[name]).parts)
            if not link.is_symlink():
                link.symlink_to(path)
            count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    print(f"{build(asked.folder)} pictures of {len(CLASSES)} classes in {asked.folder}")


if __name__ == "__main__":
    main()
