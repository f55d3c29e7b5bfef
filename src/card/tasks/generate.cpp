#include "card/tasks/generate.h"

#include "card/infotext.h"
#include "card/model_card.h"
#include "card/tasks/picture_record.h"
#include "platform/error.h"

namespace atelier::card {
namespace {

std::vector<std::pair<std::string, std::string>> texts_of(const std::string& job,
                                                          const TaskFacts& facts, int index) {
  const auto& used = facts.as<GenerationUsed>();
  return {{"parameters", write_infotext(used, index)},
          {"atelier", write_picture_record(job, used, index)}};
}

// Reference for the number of steps: diffusers' get_timesteps, int(steps * strength).
void check(const TaskInput& value, const Roles& attached) {
  const auto& input = value.as<GenerationInput>();
  if (!attached.contains("image") || !input.strength || !input.steps) return;
  if (*input.strength * *input.steps >= 1) return;
  throw Error(ErrorCode::kInvalidArgument, "strength",
              "the strength is too small, no step would run: raise the strength or the steps until "
              "their product is at least 1");
}

Work work_of(const TaskInput& value, const ModelCard& card) {
  const auto& input = value.as<GenerationInput>();
  return {.pixels = static_cast<double>(input.width.value_or(card.native_width)) *
                    static_cast<double>(input.height.value_or(card.native_height)) *
                    static_cast<double>(input.batch),
          .steps = static_cast<double>(input.steps.value_or(1))};
}

}  // namespace

const TaskDescription& generate_task() {
  static const TaskDescription kTask{
      .id = "generate",
      .title = "Make pictures",
      .summary = "Pictures from a prompt, from a picture and a prompt, or inside of a mask",
      .parameters = generation_parameters(),
      .attachments = {{.role = "image",
                       .title = "Picture to start from",
                       .transparency = Transparency::kOnMatte,
                       .capability = "image_to_image"},
                      {.role = "mask",
                       .title = "Mask: white is repainted",
                       .transparency = Transparency::kOnBlack,
                       .needs = "image",
                       .capability = "inpaint"}},
      .model_kind = "generation",
      .outputs = {"picture"},
      .capability = "text_to_image",
      .previews = true,
      .suspends = true,
      .savings = {{"tile_vae", true}},
      .work = work_of,
      .input = codec_of<GenerationInput>(),
      .facts = codec_of<GenerationUsed>(),
      .check = check,
      .picture_texts = texts_of,
  };
  return kTask;
}

}  // namespace atelier::card
