"""Weights that a run starts from: exactly the named layers, or everything that fits."""

import pytest
import torch

from lenext.errors import UsageError
from lenext.models import create_model
from lenext.recipes import Inherit
from lenext.training.inherit import classifiers, go_on_from, inherit_layers


def net(name="resnet20_cifar", seed=0, **options):
    torch.manual_seed(seed)
    return create_model(name, **options)


def same(one, other):
    theirs = other.state_dict()
    return {name for name, tensor in one.state_dict().items() if tensor.equal(theirs[name])}


class TestLayers:
    VALUE = Inherit(network="vgg11", layers=("conv1_1", "conv2_1", "fc7"))

    def test_exactly_the_named_layers_are_copied(self):
        """VGG 3.1 so inherits from A; deeper networks call the same layers by the same last names."""
        network, source = net("vgg13", 1, image_size=32), net("vgg11", 2, image_size=32)
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        copied = inherit_layers(network, self.VALUE, source)
        assert [name.rpartition(".")[2] for name in copied] == ["conv1_1", "conv2_1", "fc7"]
        for name, tensor in network.state_dict().items():
            layer = name.rpartition(".")[0]
            assert tensor.equal(source.state_dict()[name] if layer in copied else before[name]), name

    def test_another_network_is_refused(self):
        with pytest.raises(UsageError, match=r"inherits from vgg11.*those of vgg13") as refused:
            inherit_layers(net("vgg16", image_size=32), self.VALUE, net("vgg13", image_size=32))
        assert "inherit=null" in refused.value.remedy

    def test_layers_of_another_shape_are_refused(self):
        with pytest.raises(UsageError, match=r"conv1_1.weight has shape \(64, 3, 3, 3\).*\(64, 1, 3, 3\)"):
            inherit_layers(net("vgg13", image_size=32, in_channels=1), self.VALUE, net("vgg11", image_size=32))

    def test_a_layer_that_is_not_there_is_refused(self):
        value = Inherit(network="vgg11", layers=("conv9",))
        with pytest.raises(UsageError, match="has no layers called 'conv9'"):
            inherit_layers(net("vgg13", image_size=32), value, net("vgg11", image_size=32))


class TestAll:
    def test_everything_comes_along(self):
        network, source = net(seed=1), net(seed=2)
        assert go_on_from(network, source, same_classes=True) == []
        assert same(network, source) == set(network.state_dict())

    @pytest.mark.parametrize("classes", [10, 3])
    def test_other_classes_have_a_new_head_even_if_they_are_as_many(self, classes):
        network, source = net(seed=1, num_classes=classes), net(seed=2)
        head = classifiers(network)
        assert len(head) == 1
        assert go_on_from(network, source, same_classes=False) == head
        if classes == 10:
            assert f"{head[0]}.weight" not in same(network, source)
        assert all(tensor.equal(source.state_dict()[name]) for name, tensor in network.state_dict().items()
                   if not name.startswith(head[0]))  # fmt: skip

    def test_auxiliary_heads_that_the_source_lacks_are_drawn(self):
        with torch.device("meta"):
            network, bare, full = (create_model("googlenet", auxiliary=aux) for aux in (True, False, True))
            assert go_on_from(network, bare, same_classes=True) == ["auxiliary"]
            assert go_on_from(network, full, same_classes=True) == []
            assert go_on_from(bare, full, same_classes=True) == []
            assert len(go_on_from(network, full, same_classes=False)) == 3

    @pytest.mark.parametrize(
        ("ours", "theirs", "message"),
        [
            ({}, {"name": "plain20_cifar"}, "those of plain20_cifar"),
            ({"name": "vgg11", "image_size": 32}, {"name": "vgg11", "image_size": 64}, "has shape"),
            ({"name": "resnet50"}, {"name": "resnet50", "reading": "v1.5"}, "reading: v1.5"),
        ],
    )
    def test_what_is_not_the_same_network_is_refused(self, ours, theirs, message):
        with torch.device("meta"), pytest.raises(UsageError, match=message) as refused:
            go_on_from(net(**ours), net(**theirs), same_classes=True)
        assert refused.value.remedy
