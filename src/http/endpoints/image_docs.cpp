// The OpenAPI descriptions of the fields of the legacy image paths. Ranges and meanings come from
// the rows of `generate`; only differences of this dialect are defined here.
#include <string>
#include <string_view>
#include <utility>

#include "card/tasks/generate.h"
#include "http/endpoints/image_request.h"

namespace atelier::http {
namespace {

namespace bj = boost::json;

bj::object says(std::string_view text) { return {{"description", text}}; }

// The docs of a row; a text of this dialect may replace the row's.
bj::object as(const char* name, std::string_view text = "") {
  const auto& task = card::generate_task();
  const card::TaskInput usual(task, bj::object{});
  auto docs = docs_of(*card::find_parameter(task.parameters, name), usual.members().at(name));
  if (!text.empty()) docs["description"] = text;
  return docs;
}

bj::object side(const char* name) {
  auto docs = as(name, "Pixels, rounded to a multiple of " + std::to_string(card::kSideStep));
  docs.erase("multipleOf");
  return docs;
}

bj::object picture(const char* role) {
  return docs_of(*card::find_attachment(card::generate_task(), role));
}

}  // namespace

FieldDocs image_docs() {
  return {
      {"prompt",
       as("prompt",
          "Description of the picture; the part behind \" | negative: \" is the negative prompt")},
      {"negative_prompt", as("negative_prompt")},
      {"model", says("Id of an installed model or a legacy name; absent or unknown: the default, "
                     "and `model` of the reply is the one that was used")},
      {"size", says("\"512x512\"; takes precedence over width and height")},
      {"width", side("width")},
      {"height", side("height")},
      {"steps", as("steps")},
      {"num_inference_steps", as("steps", "The same as steps")},
      {"num_steps", as("steps", "The same as steps")},
      {"n", as("batch")},
      {"num_images", as("batch", "The same as n")},
      {"batch_size", as("batch", "The same as n")},
      {"guidance_scale", as("guidance")},
      {"cfg_scale", as("guidance", "The same as guidance_scale")},
      {"guidance", as("guidance", "The same as guidance_scale")},
      {"scheduler", says("A name of GET /v1/schedulers; an unknown one is the model's own")},
      {"sampler", says("A name of GET /v1/samplers")},
      {"sampler_name", says("The same as sampler")},
      {"strength", as("strength")},
      {"denoising_strength", as("strength", "The same as strength")},
      {"seed", says("Of the first picture, 0 to 18446744073709551615; below 0: any")},
      {"seed_text", seed_text_docs()},
      {"image", picture("image")},
      {"init_image", says("The same as image")},
      {"image_url", says("The same as image; only data URLs are read")},
      {"mask", picture("mask")},
      {"fit", as("fit")},
      {"matte", as("matte")},
      {"keep_outside", as("keep_outside")},
      {"exact_size", as("exact_size")},
      {"response_format", says("b64_json is always sent; url adds an address on this station")},
      {"output_format", says("The pictures are PNG")},
      {"background", says("Never transparent")},
      {"stream", says("The reply is sent as a whole")},
  };
}

}  // namespace atelier::http
