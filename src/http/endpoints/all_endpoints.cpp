#include "http/endpoints/all_endpoints.h"

#include <iterator>

namespace atelier::http {

// One function per file of this folder.
std::vector<Route> health_routes();
std::vector<Route> model_routes();
std::vector<Route> sampler_routes();
std::vector<Route> image_routes();
std::vector<Route> upscale_routes();
std::vector<Route> classify_routes();
std::vector<Route> native_model_routes();
std::vector<Route> job_routes();
std::vector<Route> queue_routes();
std::vector<Route> scheduler_routes();
std::vector<Route> task_routes();
std::vector<Route> artifact_routes();
std::vector<Route> status_routes();
std::vector<Route> legacy_status_routes();
std::vector<Route> document_routes();
std::vector<Route> page_routes();

std::vector<Route> all_endpoints() {
  std::vector<Route> all;
  for (auto* routes :
       {health_routes, model_routes, sampler_routes, image_routes, upscale_routes, classify_routes,
        native_model_routes, job_routes, queue_routes, scheduler_routes, task_routes,
        artifact_routes, status_routes, legacy_status_routes, document_routes, page_routes}) {
    auto some = routes();
    all.insert(all.end(), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()));
  }
  return all;
}

}  // namespace atelier::http
