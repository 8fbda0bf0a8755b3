"""A few hundred damaged pictures; `make fuzz` decodes a hundred thousand."""

from mutations import Tally, damaged, seeds, tally


def test_the_same_number_is_the_same_input():
    assert damaged(7) == damaged(7) != damaged(8)
    assert len(seeds()) > 200


def test_damage_gives_pixels_or_an_image_error_in_time_and_memory(capfd):
    total = Tally()
    tally(range(400), total)
    assert total.failures == []
    assert total.inputs == sum(total.reasons.values()) == 400
    assert set(total.reasons) > {"read", "truncated", "corrupt", "unsupported"}
    assert capfd.readouterr().err == ""
