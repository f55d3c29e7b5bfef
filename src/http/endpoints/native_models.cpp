// GET /api/v1/models: the cards, from which the page makes its form.
#include "card/model_card_json.h"
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
Response cards_of(const scheduler::ModelList& installed) {
  ModelViews views;
  views.reason = installed.reason;
  for (const auto& model : installed.models) {
    const auto& tasks = model.card.tasks;
    views.models.push_back({model.card, model.source, model.size_bytes, model.problem,
                            domain::kind_of(model.card),
                            tasks.empty() ? std::vector<card::Parameter>{} : tasks[0].parameters});
  }
  return json_reply(views);
}

Outcome list_cards(const Request&, Service& service) {
  return cards_of(service.scheduler.models());
}

Outcome refresh(const Request&, Service& service) {
  return Later{[&service](const auto& resume) {
    service.scheduler.refresh_models(domain::limits::kRefreshPatience,
                                     [resume](const scheduler::ModelList& found) {
                                       resume([found]() -> Outcome { return cards_of(found); });
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
