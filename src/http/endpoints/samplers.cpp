// /v1/schedulers, /v1/samplers (legacy) and /api/v1/samplers: names of samplers and schedules.
// One page of the gallery expects strings under `schedulers` and another expects objects: strings
// are sent there, objects under `details`.
#include "card/named_choices.h"
#include "http/endpoints/json_reply.h"
#include "http/endpoints/sampler_names.h"
#include "http/route.h"

namespace atelier::http {

struct SchedulerDetail {
  std::string id, name, description;
  bool recommended = false;
  int optimal_steps_min = 0, optimal_steps_max = 0;
  bool available = true;
};
BOOST_DESCRIBE_STRUCT(SchedulerDetail, (),
                      (id, name, description, recommended, optimal_steps_min, optimal_steps_max,
                       available))

struct SchedulerList {
  std::vector<std::string> schedulers;
  std::vector<SchedulerDetail> details;
};
BOOST_DESCRIBE_STRUCT(SchedulerList, (), (schedulers, details))

struct SamplerDetail {
  std::string id, name, title;
  bool available = false;
  std::vector<std::string> aliases;
};
BOOST_DESCRIBE_STRUCT(SamplerDetail, (), (id, name, title, available, aliases))

struct SamplerList {
  std::vector<std::string> samplers;
  std::vector<SamplerDetail> details;
};
BOOST_DESCRIBE_STRUCT(SamplerList, (), (samplers, details))

struct NativeSamplers {
  std::vector<SamplerDetail> samplers, schedules;
};
BOOST_DESCRIBE_STRUCT(NativeSamplers, (), (samplers, schedules))

namespace {

std::vector<SamplerDetail> details_of(const card::NamedList& names) {
  std::vector<SamplerDetail> details;
  for (const auto& name : names) {
    details.push_back({name.id, name.title, name.title, name.available, name.aliases});
  }
  return details;
}

Outcome legacy_list(const Request&, Service& service) {
  const auto status = service.scheduler.status();
  SchedulerList list;
  for (const auto& each : legacy_schedulers()) {
    const SamplerChoice choice = choose_sampler(each.id, status);
    const bool available = choice.sampler.empty() == each.sampler.empty() &&
                           choice.schedule.empty() == each.schedule.empty();
    if (available) list.schedulers.emplace_back(each.id);
    list.details.push_back({std::string{each.id}, std::string{each.title},
                            std::string{each.description}, each.recommended, each.steps_min,
                            each.steps_max, available});
  }
  return json_reply(list);
}

Outcome sampler_list(const Request&, Service& service) {
  SamplerList list;
  list.details = details_of(service.scheduler.status().samplers);
  for (const auto& each : list.details) {
    if (each.available) list.samplers.push_back(each.id);
  }
  return json_reply(list);
}

Outcome native_list(const Request&, Service& service) {
  const auto status = service.scheduler.status();
  return json_reply(NativeSamplers{details_of(status.samplers), details_of(status.schedules)});
}

}  // namespace

std::vector<Route> sampler_routes() {
  return {{.method = "GET",
           .pattern = "/v1/schedulers",
           .tag = "legacy",
           .summary = "The gallery's scheduler names",
           .response = schema_of<SchedulerList>(),
           .runs_on = RunsOn::kIoThread,
           .function = legacy_list},
          {.method = "GET",
           .pattern = "/v1/samplers",
           .tag = "legacy",
           .summary = "Samplers that can be used",
           .response = schema_of<SamplerList>(),
           .runs_on = RunsOn::kIoThread,
           .function = sampler_list},
          {.method = "GET",
           .pattern = "/api/v1/samplers",
           .tag = "models",
           .summary = "Samplers and schedules, with those that are not built yet",
           .response = schema_of<NativeSamplers>(),
           .runs_on = RunsOn::kIoThread,
           .function = native_list}};
}

}  // namespace atelier::http
