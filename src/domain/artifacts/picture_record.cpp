#include "domain/artifacts/picture_record.h"

#include "card/generation_json.h"
#include "domain/settings/version.h"
#include "json/describe.h"

namespace atelier::domain {
namespace {

struct PictureRecord {
  std::string generator, kind, job;
  int index = 0;           // in the batch
  std::uint64_t seed = 0;  // of this picture
  std::string seed_text;   // JavaScript rounds large numbers
  card::GenerationUsed used;
};
BOOST_DESCRIBE_STRUCT(PictureRecord, (), (generator, kind, job, index, seed, seed_text, used))

}  // namespace

std::string write_picture_record(const std::string& job, const card::GenerationUsed& used,
                                 int index) {
  const auto seed = used.seed + static_cast<std::uint64_t>(index);
  return json::write_json(PictureRecord{.generator = "Atelier " + std::string(kVersion),
                                        .kind = "generate",
                                        .job = job,
                                        .index = index,
                                        .seed = seed,
                                        .seed_text = std::to_string(seed),
                                        .used = used});
}

}  // namespace atelier::domain
