#include "engine/pipelines/model_facts.h"

namespace atelier::engine {
namespace {

ModelFacts make_facts(const DenoiserFacts& denoiser, const card::ModelCard& card,
                      const std::string& content_hash) {
  constexpr std::size_t kHashShown = 10;
  ModelFacts facts{denoiser, card.id, card.title, content_hash.substr(0, kHashShown), 0, 0, {}};
  facts.native_width = card.native_width;
  facts.native_height = card.native_height;
  facts.scheduler = read_scheduler_file(facts.scheduler_config);
  return facts;
}

}  // namespace

ModelFacts facts_of(Model& model) {
  return make_facts(model.capability<Denoiser>().facts(), model.card(), model.content_hash());
}

ModelFacts facts_of(const DetectedModel& model) {
  const DenoiserFacts* const facts = model.facts.find<DenoiserFacts>();
  if (facts == nullptr) refuse_capability(model.card, Denoiser::kCapability);
  return make_facts(*facts, model.card, model.layout.fingerprint);
}

}  // namespace atelier::engine
