"""Which source files become which model.

Responsible for: output names, sizes and normalisation per model. Not for: where the files come
from and what their hashes are, which ``manifest.toml`` says.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from . import centerface, faceapi_reader, quantize, tfjs_reader, tflite_reader
from .blocks import fill_blocks
from .classes import keep_classes
from .graph import serialise
from .preprocess import Normalisation, attach, attach_bytes
from .resizable import free_size
from .simplify import fold_into_layers, pool_before_activation

MINUS_ONE_TO_ONE = Normalisation(mean=(127.5,) * 3, divisor=(127.5,) * 3)
ZERO_TO_ONE = Normalisation(divisor=(255.0,) * 3)
RAW = Normalisation()
IMAGENET_BGR = Normalisation(  # NanoDet's mean and deviation, here in RGB order
    mean=(123.675, 116.28, 103.53),
    divisor=(58.395, 57.12, 57.375),
    network_wants_bgr=True,
)
DLIB = Normalisation(mean=(122.782, 117.001, 104.298), divisor=(256.0,) * 3)
VGG_BGR = Normalisation(  # the mean of VGGFace2's networks, here in RGB order
    mean=(123.68, 116.779, 103.939),
    network_wants_bgr=True,
)
COCO_CLASSES = 80
PERSON, TV, LAPTOP, REMOTE, PHONE, BOOK = 0, 62, 63, 65, 67, 73


def blazeface_back(source: Path) -> onnx.ModelProto:
    outputs = {"regressors": "boxes", "classificators": "scores"}
    model = tflite_reader.read(source, "blazeface_back", outputs)
    fill_blocks(model, 24)
    attach(model, MINUS_ONE_TO_ONE)
    free_size(model)
    return model


def face_landmark(source: Path) -> onnx.ModelProto:
    outputs = {"conv2d_20": "landmarks", "conv2d_30": "presence"}
    model = tflite_reader.read(source, "face_landmark", outputs)
    attach(model, ZERO_TO_ONE)
    return model


def iris_landmark(source: Path) -> onnx.ModelProto:
    outputs = {"output_eyes_contours_and_brows": "eye", "output_iris": "iris"}
    model = tflite_reader.read(source, "iris_landmark", outputs)
    attach(model, ZERO_TO_ONE)
    return model


def centerface_320(source: Path) -> onnx.ModelProto:
    outputs = {"537": "heat", "538": "scale", "539": "offset", "540": "landmarks"}
    model = centerface.read(source, "centerface", outputs, height=256, width=320)
    attach(model, RAW)
    return model


def nanodet(source: Path, name: str) -> onnx.ModelProto:
    heads = ["cls_8", "cls_16", "cls_32", "reg_8", "reg_16", "reg_32"]
    nodes = ["Identity", *(f"Identity_{number}" for number in range(1, len(heads)))]
    model = tfjs_reader.read(source, name, dict(zip(nodes, heads)))
    fold_into_layers(model)
    pool_before_activation(model)
    keep_classes(model, [PERSON, TV, LAPTOP, REMOTE, PHONE, BOOK], COCO_CLASSES)
    return model


def nanodet_g(source: Path) -> onnx.ModelProto:
    model = nanodet(source, "nanodet_g")
    attach(model, IMAGENET_BGR)
    free_size(model)
    return model


def nanodet_g_int8(source: Path) -> onnx.ModelProto:
    model = nanodet(source, "nanodet_g_int8")
    attach_bytes(model, IMAGENET_BGR)
    free_size(model)
    quantize.quantize(model, quantize.read_ranges())
    return model


def face_resnet(source: Path) -> onnx.ModelProto:
    model = faceapi_reader.read(source, "face_resnet")
    attach(model, DLIB)
    return model


def faceres(source: Path) -> onnx.ModelProto:
    """What its heads for age and gender see; the heads themselves are left out."""
    model = tfjs_reader.read(source, "faceres", {"global_pooling/Mean": "embedding"})
    fold_into_layers(model)
    attach(model, VGG_BGR)
    return model


RECIPES = {
    "blazeface_back": blazeface_back,
    "centerface": centerface_320,
    "face_landmark": face_landmark,
    "face_resnet": face_resnet,
    "faceres": faceres,
    "iris_landmark": iris_landmark,
    "nanodet_g": nanodet_g,
    "nanodet_g_int8": nanodet_g_int8,
}


def convert(name: str, source: Path) -> bytes:
    """The ONNX file of a model; weights that the source refers to lie beside it."""
    return serialise(RECIPES[name](source))
