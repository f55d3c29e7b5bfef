#include "card/tasks/picture_record.h"

#include "json/describe.h"
#include "platform/version.h"

namespace atelier::card {
namespace {

struct PictureRecord {
  std::string generator, task, job;
  int index = 0;           // in the batch
  std::uint64_t seed = 0;  // of this picture
  std::string seed_text;   // JavaScript rounds large numbers
  GenerationUsed used;
};
BOOST_DESCRIBE_STRUCT(PictureRecord, (), (generator, task, job, index, seed, seed_text, used))

}  // namespace

std::string write_picture_record(const std::string& job, const GenerationUsed& used, int index) {
  const auto seed = used.seed + static_cast<std::uint64_t>(index);
  return json::write_json(PictureRecord{.generator = "Atelier " + std::string(platform::kVersion),
                                        .task = generate_task().id,
                                        .job = job,
                                        .index = index,
                                        .seed = seed,
                                        .seed_text = std::to_string(seed),
                                        .used = used});
}

}  // namespace atelier::card
