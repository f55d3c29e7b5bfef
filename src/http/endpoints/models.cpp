// GET /v1/models and /v1/models/list: the installed models as the founding gallery and OpenAI
// clients read them. Asked every three seconds by each open gallery for its headers alone:
// snapshots only.
#include "http/endpoints/json_reply.h"
#include "http/route.h"

namespace atelier::http {

struct ListedModel {
  std::string id, object = "model", name, type, source, format, description;
  bool has_warning = false;
  std::int64_t size_bytes = 0;
  std::int64_t last_known_vram_mb = 0;
  std::string owned_by = "atelier";
};
BOOST_DESCRIBE_STRUCT(ListedModel, (),
                      (id, object, name, type, source, format, description, has_warning, size_bytes,
                       last_known_vram_mb, owned_by))

// Some clients read `data`, others `models`.
struct ModelLists {
  std::string object = "list";
  std::vector<ListedModel> data, models;
};
BOOST_DESCRIBE_STRUCT(ModelLists, (), (object, data, models))

namespace {

ListedModel listed(const domain::InstalledModel& model) {
  ListedModel entry;
  entry.id = model.card.id;
  entry.name = model.card.title.empty() ? model.card.id : model.card.title;
  entry.type = model.card.task;
  entry.source = model.source;
  entry.format = model.card.format;
  entry.description = model.problem.empty() ? model.card.description : model.problem;
  entry.has_warning = !model.problem.empty();
  entry.size_bytes = model.size_bytes;
  entry.last_known_vram_mb = model.card.memory.weights_bytes >> 20;
  return entry;
}

Outcome list_models(const Request&, Service& service) {
  ModelLists lists;
  const auto installed = service.scheduler.models();
  for (const auto& model : installed.models) lists.models.push_back(listed(model));
  lists.data = lists.models;
  Response response = json_reply(lists);
  set_memory_headers(response, service.scheduler.status());
  return response;
}

}  // namespace

std::vector<Route> model_routes() {
  std::vector<Route> routes;
  for (const char* pattern : {"/v1/models", "/v1/models/list"}) {
    routes.push_back({.method = "GET",
                      .pattern = pattern,
                      .tag = "founding",
                      .summary = "Installed models, under both keys that clients read",
                      .response = schema_of<ModelLists>(),
                      .runs_on = RunsOn::kIoThread,
                      .function = list_models});
  }
  return routes;
}

}  // namespace atelier::http
