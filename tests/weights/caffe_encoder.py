"""An encoder of Caffe's files that shares nothing with our reader: protobuf's own, from the fields of caffe.proto."""

from functools import cache

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
MESSAGES = {
    "BlobShape": [("dim", 1, FIELD.TYPE_INT64, "packed")],
    "BlobProto": [
        ("num", 1, FIELD.TYPE_INT32, "one"), ("channels", 2, FIELD.TYPE_INT32, "one"),
        ("height", 3, FIELD.TYPE_INT32, "one"), ("width", 4, FIELD.TYPE_INT32, "one"),
        ("data", 5, FIELD.TYPE_FLOAT, "packed"), ("diff", 6, FIELD.TYPE_FLOAT, "packed"),
        ("shape", 7, "BlobShape", "one"), ("double_data", 8, FIELD.TYPE_DOUBLE, "packed"),
    ],
    "Loose": [("data", 5, FIELD.TYPE_FLOAT, "many"), ("shape", 7, "LooseShape", "one")],
    "LooseShape": [("dim", 1, FIELD.TYPE_INT64, "many")],
    "LayerParameter": [
        ("name", 1, FIELD.TYPE_STRING, "one"), ("type", 2, FIELD.TYPE_STRING, "one"),
        ("bottom", 3, FIELD.TYPE_STRING, "many"), ("loss_weight", 5, FIELD.TYPE_FLOAT, "many"),
        ("blobs", 7, "BlobProto", "many"), ("phase", 10, FIELD.TYPE_INT32, "one"),
    ],
    "V1LayerParameter": [
        ("bottom", 2, FIELD.TYPE_STRING, "many"), ("name", 4, FIELD.TYPE_STRING, "one"),
        ("type", 5, FIELD.TYPE_INT32, "one"), ("blobs", 6, "BlobProto", "many"),
        ("blobs_lr", 7, FIELD.TYPE_FLOAT, "many"),
    ],
    "NetParameter": [
        ("name", 1, FIELD.TYPE_STRING, "one"), ("layers", 2, "V1LayerParameter", "many"),
        ("input", 3, FIELD.TYPE_STRING, "many"), ("input_dim", 4, FIELD.TYPE_INT32, "many"),
        ("force_backward", 5, FIELD.TYPE_BOOL, "one"), ("layer", 100, "LayerParameter", "many"),
    ],
}  # fmt: skip


@cache
def message(name):
    """The class of one of Caffe's messages."""
    return message_factory.GetMessageClass(pool().FindMessageTypeByName(f"caffe.{name}"))


@cache
def pool():
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
    for name, fields in MESSAGES.items():
        described = file.message_type.add(name=name)
        for field, number, kind, label in fields:
            one = described.field.add(name=field, number=number)
            one.label = FIELD.LABEL_OPTIONAL if label == "one" else FIELD.LABEL_REPEATED
            if isinstance(kind, str):
                one.type, one.type_name = FIELD.TYPE_MESSAGE, f".caffe.{kind}"
            else:
                one.type = kind
                if label == "packed":
                    one.options.packed = True
    made = descriptor_pool.DescriptorPool()
    made.Add(file)
    return made


def blob(tensor, old=False):
    """Old: with four dimensions of their own fields, as before 2015."""
    made = message("BlobProto")(data=tensor.flatten().tolist())
    if old:
        made.num, made.channels, made.height, made.width = [1] * (4 - tensor.dim()) + list(tensor.shape)
    else:
        made.shape.dim.extend(tensor.shape)
    return made


def net(state, name="", old=False, kinds=None):
    """The bytes of a network from a state of the form {"conv1/0": tensor}."""
    layers = {}
    for key, tensor in state.items():
        layer, _, place = key.rpartition("/")
        layers.setdefault(layer, {})[int(place)] = tensor
    made = message("NetParameter")(name=name, input=["data"], input_dim=[1, 3, 224, 224], force_backward=False)
    for layer, tensors in layers.items():
        blobs = [blob(tensors[place], old) for place in sorted(tensors)]
        if old:
            made.layers.append(message("V1LayerParameter")(name=layer, type=4, blobs=blobs, blobs_lr=[1, 2]))
        else:
            kind = (kinds or {}).get(layer, "Convolution")
            made.layer.append(message("LayerParameter")(name=layer, type=kind, blobs=blobs, bottom=["data"]))
    return made.SerializeToString()
