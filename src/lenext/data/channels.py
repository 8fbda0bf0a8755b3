"""How many channels the images of a data set have, and which of them can be read with how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lenext.data.decode import COLOUR, GREY
from lenext.data.images import ArrayImages
from lenext.data.item import LEFT_OUT, Content, Problem
from lenext.data.listing import Listing


def own(contents: Sequence[Content]) -> int:
    """The number that most of the images can be read with, of those that are some image's own; the larger of equals.

    So all grey images have 1, grey ones and colours together 3, transparent ones (laid on a background) 3, and TIFFs
    of many channels as many as they have.
    """
    kinds = Counter(content.channels for content in contents)
    votes = {channels[0]: sum(count for others, count in kinds.items() if channels[0] in others) for channels in kinds}
    return max(votes, key=lambda channels: (votes[channels], channels), default=COLOUR[0])


def kinds_of(listing: Listing) -> set[tuple[int, ...]]:
    """The different sorts of images: the numbers of channels that each can be read with, its own first."""
    if isinstance(listing.images, ArrayImages):
        return {GREY if listing.images.array.ndim == 3 else COLOUR}
    return {content.channels for content in listing.contents}


def own_of(listing: Listing) -> int:
    """As ``own``, of a listing that was scanned."""
    kinds = kinds_of(listing)
    return own([Content("", "", 1, 1, channels) for channels in kinds] if not listing.contents else listing.contents)


def readable(listing: Listing, channels: int) -> bool:
    """Whether every image can be read with so many channels."""
    return all(channels in kind for kind in kinds_of(listing))


def misfits(names: Sequence[str], contents: Sequence[Content | None], wanted: Sequence[int] | None) -> list[Problem]:
    """Problems of the images that cannot be read with every number of ``wanted``; None: with that of most of them."""
    numbers = (own([content for content in contents if content is not None]),) if wanted is None else wanted
    return [
        Problem(name, "channels", f"The image has {content.channels[0]} channels, not {number}.", LEFT_OUT)
        for name, content in zip(names, contents, strict=True)
        for number in numbers
        if content is not None and number not in content.channels
    ]
