"""A value that an option does not have is refused with those that it has."""

from __future__ import annotations

import pytest

from lenext.errors import UsageError
from lenext.layers.choice import one_of


def test_known_values_pass() -> None:
    assert one_of("pool", 3, (3, 2)) == 3


def test_others_are_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no pool 5 here") as refused:
        one_of("pool", 5, (3, 2))
    assert refused.value.remedy == "Choose one of 3, 2."
    with pytest.raises(UsageError) as refused:
        one_of("tower", "owt-code", ())
    assert refused.value.remedy == "Leave tower out."
