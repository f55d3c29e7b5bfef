"""Stage 4: writes the diffusers folder of the starter model from the trained parts."""

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import CLIPTokenizer

from train_autoencoder import make_autoencoder
from train_unet import make_text_encoder, make_unet, spread_over

MODEL_ID = "atelier-starter-sd"
STEPS, GUIDANCE, SAMPLER, SCHEDULE = 20, 4.0, "dpm++ 2m", "karras"

SCHEDULER = {
    "_class_name": "DDIMScheduler", "_diffusers_version": "0.32.0", "beta_start": 0.00085,
    "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
    "steps_offset": 1, "set_alpha_to_one": False, "clip_sample": False,
    "prediction_type": "v_prediction", "timestep_spacing": "leading",
}

MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.32.0",
    "feature_extractor": [None, None], "requires_safety_checker": False,
    "safety_checker": [None, None], "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
}

CARD = {
    "id": MODEL_ID, "title": "Atelier starter (shapes and colours)", "family": "sd15",
    "roles": ["generation"], "native_width": 128, "native_height": 128, "default_steps": STEPS,
    "default_guidance": GUIDANCE, "default_sampler": SAMPLER, "default_schedule": SCHEDULE,
    "licence": "MIT",
}


def write_json(file, value):
    file.write_text(json.dumps(value, indent=2) + "\n")


def plain_config(config, drop=()):
    return {key: value for key, value in config.items()
            if key not in drop and not key.startswith("_") and value is not None}


def save_part(folder, name, state, config):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: value.detach().to(torch.float16).contiguous() for key, value in state.items()},
              folder / name, metadata={"format": "pt"})
    write_json(folder / "config.json", config)


def text_state(text_encoder):
    """The published key names: everything under text_model, no buffers."""
    return {key if key.startswith("text_model.") else "text_model." + key: value
            for key, value in text_encoder.state_dict().items() if "position_ids" not in key}


def export(work: Path, folder: Path):
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    write_json(folder / "model_index.json", MODEL_INDEX)
    write_json(folder / "atelier.json", CARD)
    (folder / "scheduler").mkdir()
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
    shutil.copytree(work / "tokenizer", folder / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    text, unet = make_text_encoder(tokenizer), make_unet()
    weights = torch.load(work / "unet.pt")["average"]
    spread_over(weights, [p.data for p in (*text.parameters(), *unet.parameters())])
    config = text.config
    save_part(folder / "text_encoder", "model.safetensors", text_state(text), {
        "architectures": ["CLIPTextModel"], "model_type": "clip_text_model",
        "attention_dropout": 0.0, "bos_token_id": config.bos_token_id,
        "eos_token_id": config.eos_token_id, "pad_token_id": config.pad_token_id,
        "hidden_act": config.hidden_act, "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size, "layer_norm_eps": config.layer_norm_eps,
        "max_position_embeddings": config.max_position_embeddings,
        "num_attention_heads": config.num_attention_heads,
        "num_hidden_layers": config.num_hidden_layers, "projection_dim": config.projection_dim,
        "torch_dtype": "float16", "vocab_size": config.vocab_size})
    save_part(folder / "unet", "diffusion_pytorch_model.safetensors", unet.state_dict(),
              {"_class_name": "UNet2DConditionModel", **plain_config(unet.config)})
    decoder = work / "decoder.pt"
    settled = torch.load(decoder if decoder.exists() else work / "autoencoder_settled.pt")
    autoencoder = make_autoencoder()
    autoencoder.load_state_dict(settled["model"])
    save_part(folder / "vae", "diffusion_pytorch_model.safetensors", autoencoder.state_dict(),
              {"_class_name": "AutoencoderKL", **plain_config(autoencoder.config),
               "scaling_factor": settled["scaling_factor"], "force_upcast": False})
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder of the model")
    options = parser.parse_args()
    size = export(options.work, options.out)
    print(f"{options.out}: {size} bytes")
    assert size <= 8_000_000


if __name__ == "__main__":
    main()
