// GET /v1/models and /v1/models/list: the installed models as the legacy gallery and OpenAI
// clients read them. Each open gallery polls it every three seconds for the headers: snapshots
// only. POST /v1/models/refresh scans again; POST /v1/models/switch checks whether a name can be
// used.
#include "card/tasks/generate.h"
#include "domain/settings/limits.h"
#include "http/endpoints/json_reply.h"
#include "http/route.h"
#include "platform/error.h"

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

struct SwitchBody {
  std::optional<std::string> model;
};
BOOST_DESCRIBE_STRUCT(SwitchBody, (), (model))

struct SwitchReply {
  std::string status = "success";
  std::string model;                     // as requested
  std::int64_t vram_mb = 0, ram_mb = 0;  // a model is loaded by the first job that needs it
};
BOOST_DESCRIBE_STRUCT(SwitchReply, (), (status, model, vram_mb, ram_mb))

namespace {

ListedModel listed(const domain::InstalledModel& model) {
  ListedModel entry;
  entry.id = model.card.id;
  entry.name = model.card.title.empty() ? model.card.id : model.card.title;
  entry.type = domain::kind_of(model.card);
  entry.source = model.source;
  entry.format = model.card.format;
  entry.description = model.problem.empty() ? model.card.description : model.problem;
  entry.has_warning = !model.problem.empty() || !model.card.warnings.empty();
  entry.size_bytes = model.size_bytes;
  entry.last_known_vram_mb = model.card.memory.weights_bytes >> 20;
  return entry;
}

Response lists_of(const scheduler::ModelList& installed, Service& service) {
  ModelLists lists;
  for (const auto& model : *installed.models) lists.models.push_back(listed(model));
  lists.data = lists.models;
  Response response = json_reply(lists);
  set_memory_headers(response, service.scheduler.device_memory());
  return response;
}

Outcome list_models(const Request&, Service& service) {
  return lists_of(service.scheduler.models(), service);
}

Outcome refresh(const Request&, Service& service) {
  return Later{[&service](const auto& resume) {
    service.scheduler.refresh_models(
        domain::limits::kRefreshPatience, [resume, &service](const scheduler::ModelList& found) {
          resume([found, &service]() -> Outcome { return lists_of(found, service); });
        });
  }};
}

// Each request names its model, so nothing is loaded here and no default changes.
Outcome switch_model(const Request& request, Service& service) {
  const auto text = request.body.text();
  const bool blank = text.find_first_not_of(" \t\r\n") == std::string_view::npos;
  const auto asked = blank ? SwitchBody{} : read_body<SwitchBody>(request);
  if (!asked.model || asked.model->empty()) {
    throw Error(ErrorCode::kInvalidArgument, "model is required");  // the legacy server's text
  }
  const auto installed = service.scheduler.models();
  const domain::Catalog catalog(*installed.models);
  const auto& task = card::generate_task().id;
  if (!catalog.knows(*asked.model, task)) {
    if (!installed.reason.empty()) throw Error(ErrorCode::kUnsupported, installed.reason);
    throw Error(ErrorCode::kNotFound, "Model not found");  // the legacy server's text
  }
  if (installed.reason.empty())
    catalog.resolve(*asked.model, task, domain::UnknownModel::kDefault);  // throws when unusable
  return json_reply(SwitchReply{.model = *asked.model});
}

}  // namespace

std::vector<Route> model_routes() {
  std::vector<Route> routes;
  for (const char* pattern : {"/v1/models", "/v1/models/list"}) {
    routes.push_back({.method = "GET",
                      .pattern = pattern,
                      .tag = "legacy",
                      .summary = "Installed models, under both keys that clients read",
                      .response = schema_of<ModelLists>(),
                      .runs_on = RunsOn::kIoThread,
                      .function = list_models});
  }
  routes.push_back({.method = "POST",
                    .pattern = "/v1/models/refresh",
                    .tag = "legacy",
                    .summary = "Scan for models again and list them",
                    .response = schema_of<ModelLists>(),
                    .function = refresh});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/models/switch",
                    .tag = "legacy",
                    .summary = "Whether a model can be used; loads nothing and changes nothing",
                    .request = schema_of<SwitchBody>(),
                    .response = schema_of<SwitchReply>(),
                    .function = switch_model});
  return routes;
}

}  // namespace atelier::http
