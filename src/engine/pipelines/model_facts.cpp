#include "engine/pipelines/model_facts.h"

namespace atelier::engine {

ModelFacts facts_of(Model& model) {
  ModelFacts facts{model.capability<Denoiser>().facts(), {}, {}, {}, 0, 0, {}};
  facts.id = model.id();
  facts.title = model.card().title;
  facts.hash = model.content_hash().substr(0, 10);
  facts.native_width = model.card().native_width;
  facts.native_height = model.card().native_height;
  facts.scheduler = read_scheduler_file(facts.scheduler_config);
  return facts;
}

}  // namespace atelier::engine
