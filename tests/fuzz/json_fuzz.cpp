// JSON bodies as the image paths read them: the described reader, prompts, sizes, names, base64.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/endpoints/image_request.h"
#include "http/endpoints/json_reply.h"
#include "tests/doubles/scheduler_double.h"

using namespace atelier;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static http::SchedulerDouble scheduler;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  try {
    json::ReadReport report;
    const auto body = json::read_json<http::ImageBody>(text, &report);
    const auto request = http::read_image_request(body, scheduler);
    // What was understood can be written and understood again.
    const auto again = json::read_json<http::ImageBody>(json::write_json(body));
    if (again.prompt != body.prompt || again.steps != body.steps) __builtin_trap();
    if (request.job.input.parameters.text("prompt").size() > size) __builtin_trap();
  } catch (const Error&) {  // answered with 4xx
  }
  return 0;
}
