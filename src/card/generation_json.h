// The described members of the card's structs, so that json/describe.h reads and writes them.
// Included by the edges (protocol, http, storage) that turn them into JSON; the structs themselves
// stay plain.
#pragma once

#include <boost/describe.hpp>

#include "card/generation.h"
#include "card/model_card.h"

namespace atelier::card {

BOOST_DESCRIBE_ENUM(FitMode, kStretch, kCover, kContain)

BOOST_DESCRIBE_STRUCT(GenerationInput, (),
                      (prompt, negative_prompt, model, width, height, exact_size, steps, guidance,
                       guidance_rescale, sampler, schedule, seed, batch, strength, fit, matte,
                       keep_outside, clip_skip, dtype, precise, preview_every, tile_vae))

BOOST_DESCRIBE_STRUCT(GenerationUsed, (),
                      (model, model_title, model_hash, sampler, schedule, width, height, made_width,
                       made_height, steps, guidance, seed, batch, strength, matte, keep_outside,
                       clip_skip, dtype, prompt, negative_prompt, warnings))

BOOST_DESCRIBE_STRUCT(GenerationTiming, (),
                      (load_ms, encode_ms, denoise_ms, decode_ms, step_ms_median))

BOOST_DESCRIBE_STRUCT(Parameter, (),
                      (name, kind, title, help, minimum, maximum, step, default_value, choices))

BOOST_DESCRIBE_STRUCT(MemoryFormula, (), (weights_bytes, bytes_per_pixel))

BOOST_DESCRIBE_STRUCT(ModelCard, (),
                      (id, title, family, task, format, description, capabilities, native_width,
                       native_height, memory, content_hash, warnings, parameters))

}  // namespace atelier::card
