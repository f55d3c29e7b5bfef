"""One peer as a process: builds the network once, then runs one step for each line on stdin and answers
with the seconds it took. All peers stay loaded, so that a round measures them side by side on the same
machine at the same time.

usage: step_server.py {pytorch|openvino} {unet|vae|upscale} {fp32|bf16|fp16} {sd15|sdxl} SIZE THREADS
ATELIER_BENCH_DEVICE=cuda: PyTorch runs on a GPU.
"""

import os
import sys
import time

import torch

CONFIGS = {
    "sd15": dict(
        block_out_channels=(320, 640, 1280, 1280),
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        attention_head_dim=8,
        cross_attention_dim=768,
    ),
    "sdxl": dict(
        block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(5, 10, 20),
        cross_attention_dim=2048,
        transformer_layers_per_block=(1, 2, 10),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    ),
}


class Unet(torch.nn.Module):
    def __init__(self, family, size):
        super().__init__()
        from diffusers import UNet2DConditionModel

        config = CONFIGS[family]
        self.net = UNet2DConditionModel(sample_size=size // 8, layers_per_block=2, **config)
        self.context_dim = config["cross_attention_dim"]
        self.added = family == "sdxl"
        self.size = size

    def inputs(self, dtype):
        latent = self.size // 8
        inputs = [torch.randn(2, 4, latent, latent, dtype=dtype), torch.tensor(500.0),
                  torch.randn(2, 77, self.context_dim, dtype=dtype)]
        if self.added:
            inputs += [torch.randn(2, 1280, dtype=dtype), torch.ones(2, 6, dtype=dtype) * self.size]
        return tuple(inputs)

    def forward(self, sample, timestep, context, *added):
        kwargs = {"text_embeds": added[0], "time_ids": added[1]} if added else None
        return self.net(sample, timestep, context, added_cond_kwargs=kwargs, return_dict=False)[0]


class Decoder(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        from diffusers import AutoencoderKL

        self.net = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
        self.size = size

    def inputs(self, dtype):
        return (torch.randn(1, 4, self.size // 8, self.size // 8, dtype=dtype),)

    def forward(self, latents):
        return self.net.decode(latents, return_dict=False)[0]


class DenseBlock(torch.nn.Module):
    def __init__(self, features=64, growth=32):
        super().__init__()
        self.convs = torch.nn.ModuleList(
            torch.nn.Conv2d(features + i * growth, growth if i < 4 else features, 3, padding=1) for i in range(5))

    def forward(self, x):
        dense = x
        for conv in self.convs[:-1]:
            dense = torch.cat((dense, torch.nn.functional.leaky_relu(conv(dense), 0.2, inplace=True)), 1)
        return self.convs[-1](dense) * 0.2 + x


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = torch.nn.Sequential(DenseBlock(), DenseBlock(), DenseBlock())

    def forward(self, x):
        return self.dense(x) * 0.2 + x


class Upscaler(torch.nn.Module):
    """RealESRGAN x4plus: 23 blocks of three dense blocks, then twice doubled."""

    def __init__(self, size):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 64, 3, padding=1)
        self.body = torch.nn.Sequential(*(Block() for _ in range(23)))
        self.after_body, self.up1, self.up2, self.hr = (torch.nn.Conv2d(64, 64, 3, padding=1) for _ in range(4))
        self.last = torch.nn.Conv2d(64, 3, 3, padding=1)
        self.size = size

    def inputs(self, dtype):
        return (torch.rand(1, 3, self.size, self.size, dtype=dtype),)

    def forward(self, picture):
        x = self.first(picture)
        x = x + self.after_body(self.body(x))
        for conv in (self.up1, self.up2):
            doubled = torch.nn.functional.interpolate(x, scale_factor=2, mode="nearest")
            x = torch.nn.functional.leaky_relu(conv(doubled), 0.2, inplace=True)
        return self.last(torch.nn.functional.leaky_relu(self.hr(x), 0.2, inplace=True))


PARTS = {"unet": Unet, "vae": lambda family, size: Decoder(size), "upscale": lambda family, size: Upscaler(size)}


def pytorch_step(module, dtype):
    device = os.environ.get("ATELIER_BENCH_DEVICE", "cpu")
    module = module.to(device, dtype)
    inputs = [value.to(device) for value in module.inputs(dtype)]

    def step():
        with torch.inference_mode():
            module(*inputs)
        if device != "cpu":
            torch.cuda.synchronize()

    return step


def openvino_step(module, dtype, threads):
    import openvino

    inputs = module.inputs(torch.float32)
    with torch.no_grad():
        model = openvino.convert_model(module, example_input=inputs)
    for port, value in zip(model.inputs, inputs):
        port.get_node().set_partial_shape(openvino.PartialShape(list(value.shape)))
    model.validate_nodes_and_infer_types()
    hint = {"fp32": openvino.Type.f32, "bf16": openvino.Type.bf16}[dtype]
    compiled = openvino.Core().compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads,
                       "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    arrays = [value.numpy() for value in inputs]
    return lambda: request.infer(arrays)


def main():
    peer, part, dtype, family, size, threads = sys.argv[1:7]
    torch.manual_seed(0)
    torch.set_num_threads(int(threads))
    module = PARTS[part](family, int(size)).eval()
    if peer == "pytorch":
        step = pytorch_step(module, {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[dtype])
    else:
        step = openvino_step(module, dtype, int(threads))
        del module
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
