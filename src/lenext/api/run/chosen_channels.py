"""How many channels the images of a run are read with."""

from __future__ import annotations

from lenext.api.options import TrainOptions
from lenext.data.channels import own_of, readable
from lenext.data.listing import Listing
from lenext.errors import UsageError
from lenext.models import line

AUTO = "auto"


def usual_channels(name: str) -> int:
    """Those of the network's paper."""
    return int(line()[name]["input"][0])


def asked_channels(asked: TrainOptions) -> int | None:
    """The number that was asked for; None where the data decide. Raises UsageError for what is none."""
    channels = asked.channels
    if channels is None or channels == AUTO:
        return None
    if isinstance(channels, str) and channels.isdecimal():
        channels = int(channels)
    if isinstance(channels, str) or channels < 1:
        raise UsageError(f"--channels is {channels!r}.", "Give auto or a whole number: 1 is grey, 3 RGB, 4 RGBA.")
    return channels


def decided_channels(asked: TrainOptions, listing: Listing, usual: int) -> tuple[int, tuple[str, ...]]:
    """The number for a run of a network that has ``usual`` in its paper, and the rule where it is another.

    Left to the data: 1 where all images are grey, unless trained weights are to see them; what TIFFs have that are no
    pictures; else what is usual. Raises UsageError where the images cannot be read so.
    """
    channels, own = asked_channels(asked), own_of(listing)
    if channels is not None:
        if not readable(listing, channels):
            raise UsageError(
                f"The images of {listing.name} cannot be read with {channels} channels.", f"Give --channels {own}."
            )
        return channels, () if channels == usual else (f"channels {usual} -> {channels}: as asked for",)
    if own == 1 and asked.weights is None and usual != 1:
        return 1, (f"channels {usual} -> 1: all images are grey (--channels {usual} repeats them)",)
    if own in {1, 3} and readable(listing, usual):
        return usual, ()
    return own, (f"channels {usual} -> {own}: what the images have",)
