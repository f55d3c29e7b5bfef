"""Writes tests/golden/data/samplers/*.jsonl: schedules and full runs of the reference samplers.

Every line holds a scheduler file, the names that a person gives, and what the reference does with them:
timesteps, sigmas, and the final latents of a run with a cheap stand-in for the network that both sides
compute alike. Versions used are in the first line of each file.
"""

import json
import pathlib
import sys
import types
import warnings

import diffusers
import numpy
import torch
from diffusers import (DDIMScheduler, DDPMScheduler, DEISMultistepScheduler, DPMSolverMultistepScheduler,
                       EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, HeunDiscreteScheduler, LCMScheduler,
                       PNDMScheduler, UniPCMultistepScheduler)

sys.modules["clip"] = types.ModuleType("clip")  # imported by k_diffusion.evaluation, which is not used here
from k_diffusion import external, sampling  # noqa: E402

warnings.filterwarnings("ignore")
OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/data/samplers"
SHAPE = (1, 4, 2, 4)
SD15 = dict(_class_name="PNDMScheduler", beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
            num_train_timesteps=1000, skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False, clip_sample=False)
SDXL = dict(SD15, _class_name="EulerDiscreteScheduler", timestep_spacing="leading", interpolation_type="linear",
            prediction_type="epsilon", use_karras_sigmas=False)
SPACINGS = ["Leading", "Linspace", "Trailing"]
SIGMAS = ["Karras", "Exponential"]
CLASSES = {  # title: (class, arguments, schedules that the class offers)
    "DDIM": (DDIMScheduler, {}, SPACINGS),
    "DDPM": (DDPMScheduler, {}, SPACINGS),
    "PLMS": (PNDMScheduler, {}, SPACINGS),
    "Euler": (EulerDiscreteScheduler, {}, SPACINGS + SIGMAS),
    "Euler a": (EulerAncestralDiscreteScheduler, {}, SPACINGS),
    "Heun": (HeunDiscreteScheduler, {}, SPACINGS + SIGMAS),
    "DPM++ 2M": (DPMSolverMultistepScheduler, {}, SPACINGS + SIGMAS),
    "DPM++ 2M SDE": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}, SPACINGS + SIGMAS),
    "UniPC": (UniPCMultistepScheduler, {}, SPACINGS + SIGMAS),
    "DEIS": (DEISMultistepScheduler, {}, SPACINGS + SIGMAS),
    "LCM": (LCMScheduler, {}, []),
}


def network(x, t):
    index = torch.arange(x.numel(), dtype=torch.float64).reshape(x.shape)
    return torch.tanh(0.7 * x.double() + 0.5 * torch.sin(0.013 * float(t) + 0.37 * index)).float()


def clean_picture():
    index = torch.arange(SHAPE[1] * SHAPE[2] * SHAPE[3], dtype=torch.float64).reshape(SHAPE)
    return torch.sin(0.9 * index).float()


def numbers(values, digits=8):
    return [float(f"{float(v):.{digits}g}") for v in values]


def schedule_arguments(name):
    if name in SPACINGS:
        return {"timestep_spacing": name.lower(), "use_karras_sigmas": False}
    return {"Karras": {"use_karras_sigmas": True}, "Exponential": {"use_exponential_sigmas": True}, "": {}}[name]


def accepted(cls, arguments):
    known = cls.__init__.__wrapped__ if hasattr(cls.__init__, "__wrapped__") else cls.__init__
    names = known.__code__.co_varnames
    return {key: value for key, value in arguments.items() if key in names}


def diffusers_case(file, title, schedule, steps, strength=None, seed=7):
    cls, arguments, _ = CLASSES[title]
    settings = {k: v for k, v in file.items() if k != "_class_name"}
    settings.update(arguments, **schedule_arguments(schedule))
    scheduler = cls(**accepted(cls, settings))
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(seed)
    start = 0
    if strength is None:
        sample = torch.randn(SHAPE, generator=generator) * scheduler.init_noise_sigma
    else:
        start = max(steps - min(int(steps * strength), steps), 0) * scheduler.order
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(start)
        noise = torch.randn(SHAPE, generator=generator)
        sample = scheduler.add_noise(clean_picture(), noise, scheduler.timesteps[start:start + 1])
    if strength is None and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)
    takes_generator = "generator" in cls.step.__code__.co_varnames
    for t in scheduler.timesteps[start:]:
        output = network(scheduler.scale_model_input(sample, t), t)
        extra = {"generator": generator} if takes_generator else {}
        sample = scheduler.step(output, t, sample, **extra).prev_sample
    sigmas = scheduler.sigmas if hasattr(scheduler, "sigmas") and title not in ("DDIM", "DDPM", "PLMS", "LCM") else []
    return dict(file=file, sampler=title, schedule=schedule, steps=steps, start=start, seed=seed,
                image=strength is not None, init=float(scheduler.init_noise_sigma), timesteps=numbers(scheduler.timesteps),
                sigmas=numbers(sigmas), final=numbers(sample.flatten(), 7))


def diffusers_cases():
    for title, (cls, _, schedules) in CLASSES.items():
        for schedule in schedules or [""]:
            for steps in (1, 4, 5, 12, 20):
                if steps == 1 and schedule in SIGMAS:
                    continue
                yield diffusers_case(SD15, title, schedule, steps)
            for strength in (0.6, 1.0):
                yield diffusers_case(SD15, title, schedule, 7, strength)
            yield diffusers_case(SDXL, title, schedule, 9)
            yield diffusers_case(dict(SD15, prediction_type="v_prediction"), title, schedule, 6)
            if title not in ("PLMS", "Euler a"):
                yield diffusers_case(dict(SD15, prediction_type="sample"), title, schedule, 6)
            if title not in ("PLMS", "Heun", "LCM") and schedule in ("Trailing", "Karras"):
                zero = dict(SD15, prediction_type="v_prediction", rescale_betas_zero_snr=True)
                yield diffusers_case(zero, title, schedule, 6)
        # The carry-over rule: a sampler alone, the rest from the file.
        for file in (SD15, SDXL):
            yield diffusers_case(file, title, "", 8)
    for title in ("Euler", "DPM++ 2M", "UniPC"):
        yield diffusers_case(dict(SD15, final_sigmas_type="sigma_min"), title, "", 18)
    yield diffusers_case(dict(SD15, clip_sample=True, clip_sample_range=0.5), "DDIM", "", 6)
    yield diffusers_case(dict(SD15, clip_sample=True, clip_sample_range=0.5), "DDPM", "", 6)
    yield diffusers_case(dict(SD15, use_karras_sigmas=True), "DPM++ 2M", "", 6)
    for kind in ("linear", "squaredcos_cap_v2"):
        yield diffusers_case(dict(SD15, beta_schedule=kind), "DPM++ 2M", "Linspace", 6)


def table_sigmas(model, schedule, steps):
    """ComfyUI's and k-diffusion's definitions over the model's table."""
    table, count = model.sigmas, len(model.sigmas)
    if schedule == "SGM Uniform":
        sigmas = model.t_to_sigma(torch.linspace(count - 1, 0, steps + 1)[:-1])
    elif schedule == "Normal":
        sigmas = model.t_to_sigma(torch.linspace(count - 1, 0, steps))
    elif schedule == "Simple":
        sigmas = torch.stack([table[-(1 + int(x * count / steps))] for x in range(steps)])
    elif schedule == "DDIM":
        sigmas = torch.stack(list(table[1::max(count // steps, 1)])).flip(0)
    elif schedule == "Karras":
        return sampling.get_sigmas_karras(steps, table[0].item(), table[-1].item())
    else:
        return sampling.get_sigmas_exponential(steps, table[0].item(), table[-1].item())
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def k_diffusion_case(title, schedule, steps, prediction="epsilon", seed=11):
    file = dict(SD15, prediction_type=prediction)
    alphas = DDIMScheduler(**accepted(DDIMScheduler, {k: v for k, v in SD15.items()})).alphas_cumprod
    wrapper = external.DiscreteEpsDDPMDenoiser if prediction == "epsilon" else external.DiscreteVDDPMDenoiser

    class Model(wrapper):
        def get_eps(self, x, t, **kwargs):
            return network(x, t[0])

        get_v = get_eps

    model = Model(None, alphas, False)
    sigmas = table_sigmas(model, schedule, steps)
    generator = torch.Generator().manual_seed(seed)
    sample = torch.randn(SHAPE, generator=generator) * torch.sqrt(sigmas[0] ** 2 + 1)

    def noise(*_):
        return torch.randn(SHAPE, generator=generator)

    run = {"Euler": sampling.sample_euler, "Euler a": sampling.sample_euler_ancestral, "Heun": sampling.sample_heun,
           "DPM++ 2M": sampling.sample_dpmpp_2m, "DPM++ 2M SDE": sampling.sample_dpmpp_2m_sde}[title]
    extra = {"noise_sampler": noise} if title in ("Euler a", "DPM++ 2M SDE") else {}
    final = run(model, sample, sigmas, disable=True, **extra)
    return dict(file=file, sampler=title, schedule=schedule, steps=steps, start=0, seed=seed, image=False,
                unit_sigmas=numbers(sigmas), final=numbers(final.flatten(), 7))


def k_diffusion_cases():
    for title in ("Euler", "Euler a", "Heun", "DPM++ 2M", "DPM++ 2M SDE"):
        for schedule in ("SGM Uniform", "Simple", "Normal", "DDIM", "Karras", "Exponential"):
            if schedule in SIGMAS and title != "Euler a":
                continue  # the diffusers class has these
            for steps in (4, 9, 20):
                yield k_diffusion_case(title, schedule, steps)
            yield k_diffusion_case(title, schedule, 6, "v_prediction")


def write(name, cases):
    versions = {"torch": torch.__version__, "diffusers": diffusers.__version__, "numpy": numpy.__version__,
                "k_diffusion": "0.1.1.post1"}
    lines = [json.dumps({"versions": versions})]
    lines += [json.dumps(case, separators=(",", ":")) for case in cases]
    (OUT / name).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    write("diffusers.jsonl", diffusers_cases())
    write("k_diffusion.jsonl", k_diffusion_cases())
