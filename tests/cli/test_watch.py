"""What training says to a person."""

from lenext.cli.watch import epoch_line


def test_a_loss_that_rounds_to_nothing_has_no_sign():
    text = epoch_line({"epoch": 0, "loss": -1e-9, "train_top1": 1.0, "val_loss": -1e-9, "val_top1": 1.0})
    assert "-0.0000" not in text
    assert text.count("0.0000") == 2
