#include "http/endpoints/field_docs.h"

#include <initializer_list>
#include <string_view>
#include <utility>

#include "domain/settings/limits.h"

namespace atelier::http {
namespace {

namespace bj = boost::json;
namespace limits = domain::limits;

bj::object says(std::string_view text) { return {{"description", text}}; }

template <class Number>
bj::object ranged(std::string_view text, Number minimum, Number maximum) {
  return {{"description", text}, {"minimum", minimum}, {"maximum", maximum}};
}

bj::object chosen(std::string_view text, std::initializer_list<std::string_view> choices) {
  bj::array names;
  for (const auto choice : choices) names.emplace_back(choice);
  return {{"description", text}, {"enum", std::move(names)}};
}

bj::object side(std::string_view text) {
  auto note = ranged(text, limits::kSideMin, limits::kSideMax);
  note["multipleOf"] = limits::kSideStep;
  return note;
}

constexpr std::string_view kPicture =
    "Picture to start from: base64 or a data URL, never an address; its transparent parts lie on "
    "the matte";
constexpr std::string_view kMask =
    "White is painted anew; black is kept, and so is what is transparent; base64 or a data URL; "
    "needs a picture";
constexpr std::string_view kSeedText =
    "The seed as text, exact where JavaScript would round the number; it counts before seed";
constexpr std::string_view kStrength =
    "How much of the picture to start from changes: above 0, at most 1";
constexpr std::string_view kFit = "How a picture that is given meets the asked size";
constexpr std::string_view kMatte =
    "Colour behind transparent parts of the picture to start from: #rrggbb, white, black or grey; "
    "\"\" is white";
constexpr std::string_view kKeepOutside =
    "With a mask: what is outside it stays the picture's own pixels, with a soft edge; false gives "
    "the model's result everywhere";

bj::object strength() {
  return {{"description", kStrength}, {"exclusiveMinimum", 0}, {"maximum", 1}};
}

}  // namespace

const FieldDocs& generation_docs() {
  static const FieldDocs docs{
      {"prompt", says("What to draw; \"\" leaves it to the model")},
      {"negative_prompt", says("What to avoid")},
      {"model", says("Id of an installed model (GET /api/v1/models); \"\" is the default")},
      {"width", side("Pixels; absent: the model's native width")},
      {"height", side("Pixels; absent: the model's native height")},
      {"exact_size", says("Never make the picture small and enlarge it")},
      {"steps", ranged("Denoising steps; absent: the model's own", 1, limits::kStepsMax)},
      {"guidance", ranged("How strictly the prompt is followed; above 1 the negative prompt counts",
                          0.0, limits::kGuidanceMax)},
      {"guidance_rescale", ranged("Takes back what guidance adds to the contrast", 0, 1)},
      {"sampler", says("A name of GET /api/v1/samplers; \"\" is the model's")},
      {"schedule",
       says("A schedule of GET /api/v1/samplers; \"\" is the sampler's or the model's")},
      {"seed", says("Of the first picture, 0 to 18446744073709551615; absent or -1: any. Picture i "
                    "has seed + i, and 0 follows the largest")},
      {"seed_text", says(kSeedText)},
      {"batch", ranged("Pictures", 1, limits::kBatchMax)},
      {"strength", strength()},
      {"fit", says(kFit)},
      {"matte", says(kMatte)},
      {"keep_outside", says(kKeepOutside)},
      {"clip_skip",
       ranged("2 is the last layer but one of the text encoder", 0, limits::kClipSkipMax)},
      {"dtype",
       chosen("Numbers to compute with; \"\" is the device's own", {"", "fp32", "bf16", "fp16"})},
      {"precise", says("No fast paths that move the numbers")},
      {"preview_every", ranged("Steps between previews; 0: none", 0, limits::kStepsMax)},
      {"tile_vae", says("Decode in tiles, with less memory")},
      {"image", says(kPicture)},
      {"mask", says(kMask)},
  };
  return docs;
}

const FieldDocs& image_docs() {
  static const FieldDocs docs{
      {"prompt", says("What to draw; a part behind \" | negative: \" is what to avoid")},
      {"negative_prompt", says("What to avoid")},
      {"model", says("Id of an installed model or a legacy name; absent or unknown: the default, "
                     "and `model` of the reply names what answered")},
      {"size", says("\"512x512\"; stands above width and height")},
      {"width", ranged("Pixels, rounded to a multiple of 8", limits::kSideMin, limits::kSideMax)},
      {"height", ranged("Pixels, rounded to a multiple of 8", limits::kSideMin, limits::kSideMax)},
      {"steps", ranged("Denoising steps", 1, limits::kStepsMax)},
      {"num_inference_steps", ranged("The same as steps", 1, limits::kStepsMax)},
      {"num_steps", ranged("The same as steps", 1, limits::kStepsMax)},
      {"n", ranged("Pictures", 1, limits::kBatchMax)},
      {"num_images", ranged("The same as n", 1, limits::kBatchMax)},
      {"batch_size", ranged("The same as n", 1, limits::kBatchMax)},
      {"guidance_scale", ranged("How strictly the prompt is followed", 0.0, limits::kGuidanceMax)},
      {"cfg_scale", ranged("The same as guidance_scale", 0.0, limits::kGuidanceMax)},
      {"guidance", ranged("The same as guidance_scale", 0.0, limits::kGuidanceMax)},
      {"scheduler", says("A name of GET /v1/schedulers; an unknown one is the model's own")},
      {"sampler", says("A name of GET /v1/samplers")},
      {"sampler_name", says("The same as sampler")},
      {"strength", strength()},
      {"denoising_strength", strength()},
      {"seed", says("Of the first picture, 0 to 18446744073709551615; below 0: any")},
      {"seed_text", says(kSeedText)},
      {"image", says(kPicture)},
      {"init_image", says("The same as image")},
      {"image_url", says("The same as image; only data URLs are read")},
      {"mask", says(kMask)},
      {"fit", chosen(kFit, {"stretch", "cover", "contain"})},
      {"matte", says(kMatte)},
      {"keep_outside", says(kKeepOutside)},
      {"exact_size", says("Never make the picture small and enlarge it")},
      {"response_format", says("b64_json is always sent; url adds an address on this station")},
      {"output_format", says("The pictures are PNG")},
      {"background", says("Never transparent")},
      {"stream", says("The reply comes whole")},
  };
  return docs;
}

Schema with_docs(Schema schema, std::string component, const FieldDocs& docs) {
  return [schema = std::move(schema), component = std::move(component), &docs](SchemaBook& book) {
    auto reference = schema(book);
    auto& properties = book.at(component).at("properties").as_object();
    for (const auto& [field, note] : docs) {
      auto& property = properties.at(field).as_object();
      for (const auto& [key, value] : note) property[key] = value;
    }
    return reference;
  };
}

}  // namespace atelier::http
