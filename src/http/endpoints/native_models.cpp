// GET /api/v1/models: the cards, from which the page makes its form.
#include "card/model_card_json.h"
#include "card/standard_rows.h"
#include "domain/settings/limits.h"
#include "http/endpoints/json_reply.h"
#include "http/route.h"

namespace atelier::http {

struct ModelView : card::ModelCard {
  std::string source;
  std::int64_t size_bytes = 0;
  std::string problem;
  // For older clients, which expect models of one task: the kind ("generation"), and the rows of
  // the first task.
  std::string task;
  std::vector<card::Parameter> parameters;
};
BOOST_DESCRIBE_STRUCT(ModelView, (card::ModelCard), (source, size_bytes, problem, task, parameters))

struct ModelViews {
  std::vector<ModelView> models;
  std::string reason;  // why the list is not known yet; clients repeat the request until it is ""
};
BOOST_DESCRIBE_STRUCT(ModelViews, (), (models, reason))

namespace {

// Paths of this machine are not sent to clients.
Response cards_of(const scheduler::ModelList& installed, Service& service) {
  const auto dtypes = service.scheduler.status().dtypes;
  ModelViews views;
  views.reason = installed.reason;
  for (const auto& model : *installed.models) {
    auto card = model.card;
    auto& tasks = card.tasks;
    for (auto& served : tasks) {
      served.parameters = card::offered(std::move(served.parameters), dtypes);
    }
    views.models.push_back({card, model.source, model.size_bytes, model.problem,
                            domain::kind_of(model.card),
                            tasks.empty() ? std::vector<card::Parameter>{} : tasks[0].parameters});
  }
  return json_reply(views);
}

Outcome list_cards(const Request&, Service& service) {
  return cards_of(service.scheduler.models(), service);
}

Outcome refresh(const Request&, Service& service) {
  return Later{[&service](const auto& resume) {
    service.scheduler.refresh_models(
        domain::limits::kRefreshPatience, [resume, &service](const scheduler::ModelList& found) {
          resume([found, &service]() -> Outcome { return cards_of(found, service); });
        });
  }};
}

}  // namespace

std::vector<Route> native_model_routes() {
  return {{.method = "GET",
           .pattern = "/api/v1/models",
           .tag = "models",
           .summary = "Model cards with their parameters",
           .response = schema_of<ModelViews>(),
           .runs_on = RunsOn::kIoThread,
           .function = list_cards},
          {.method = "POST",
           .pattern = "/api/v1/models/refresh",
           .tag = "models",
           .summary = "Scan for models again and list them",
           .response = schema_of<ModelViews>(),
           .function = refresh}};
}

}  // namespace atelier::http
