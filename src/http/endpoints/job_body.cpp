#include "http/endpoints/job_body.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "card/all_tasks.h"
#include "card/tasks/generate.h"
#include "http/endpoints/json_reply.h"
#include "http/endpoints/parameter_docs.h"
#include "http/endpoints/picture_field.h"
#include "http/endpoints/seed_fields.h"
#include "http/endpoints/submission.h"
#include "http/endpoints/unknown_fields.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::http {

// Beside `input`, whose members are the task's.
struct JobBodyHead {
  std::optional<std::string> task;
  std::optional<std::string> kind;  // the same, an older name
  std::optional<int> priority;
};
BOOST_DESCRIBE_STRUCT(JobBodyHead, (), (task, kind, priority))

namespace {

namespace bj = boost::json;

constexpr std::string_view kInput = "/input";
constexpr const char* kPrompt = "prompt";
constexpr const char* kSeedText = "seed_text";
constexpr int kPriorityMax = 3;
constexpr std::size_t kShownMax = 40;

[[noreturn]] void refuse(std::string field, const std::string& sentence) {
  throw Error(ErrorCode::kInvalidArgument, std::move(field), sentence);
}

std::string field_of(std::string_view member) {
  return json::pointer_to(std::string(kInput), member);
}

bool has_row(const card::TaskDescription& task, std::string_view member) {
  return card::find_parameter(task.parameters, std::string(member)) != nullptr;
}

bool has(const bj::object& fields, std::string_view name) {
  const auto* value = fields.if_contains(name);
  return value != nullptr && !value->is_null();
}

const card::TaskDescription& task_of(const JobBodyHead& head) {
  if (head.task && head.kind && *head.task != *head.kind) {
    refuse("/task", "it is '" + platform::cut(*head.task, kShownMax) + "' and 'kind' is '" +
                        platform::cut(*head.kind, kShownMax) + "': send one of them");
  }
  const auto& sent = head.task ? head.task : head.kind;
  const card::TaskDescription* task = nullptr;
  with_names({.prefix = "/", .names = {{"task", head.task ? "/task" : "/kind"}}},
             [&] { task = &card::task_named(sent ? *sent : card::generate_task().id); });
  return *task;
}

// A prompt that is missing or misplaced would cost minutes for a useless picture.
void check_prompt(const card::TaskDescription& task, const bj::object& body,
                  const bj::object& input) {
  if (!has_row(task, kPrompt)) return;
  if (has(body, kPrompt)) {
    refuse("/prompt", R"(it must be a member of 'input': send {"input": {"prompt": "…"}})");
  }
  const bool has_picture =
      std::ranges::any_of(task.attachments, [](const auto& each) { return each.required; });
  if (!has_picture && !has(input, kPrompt)) {
    refuse(field_of(kPrompt),
           "required: a description of the picture, or \"\" for a picture without one");
  }
}

// An empty picture must not be treated as absent: everything would be repainted, or another picture
// made.
void take_attachments(const card::TaskDescription& task, bj::object& input,
                      scheduler::NewJob& job) {
  for (const auto& attachment : task.attachments) {
    const auto* value = input.if_contains(attachment.role);
    if (value == nullptr) continue;
    if (!value->is_null()) {
      const auto field = field_of(attachment.role);
      if (!value->is_string()) refuse(field, "expected a text");
      const std::string_view text = value->get_string();
      if (text.empty()) {
        refuse(field,
               "it is empty: send a " + attachment.media + " as base64, or leave the field out");
      }
      job.attachments[attachment.role] = read_picture(text, field);
    }
    input.erase(attachment.role);  // its text is large
  }
}

// The member is taken out, so that its pictures are not copied with the body.
bj::value take_input(bj::value& body) {
  auto* fields = body.if_object();
  auto* sent = fields == nullptr ? nullptr : fields->if_contains("input");
  if (sent == nullptr) return bj::object{};
  bj::value input = std::move(*sent);
  fields->erase("input");
  if (input.is_null()) return bj::object{};
  if (!input.is_object()) refuse(std::string(kInput), "expected an object");
  return input;
}

std::vector<FieldGroup> known_fields(const card::TaskDescription& task) {
  auto body = json::member_names<JobBodyHead>();
  body.emplace_back("input");
  auto input = task.input.members();
  if (has_row(task, card::kSeedMember)) input.emplace_back(kSeedText);
  for (const auto& attachment : task.attachments) input.push_back(attachment.role);
  return {{"", std::move(body)}, {std::string(kInput), std::move(input)}};
}

}  // namespace

scheduler::NewJob read_new_job(const Request& request) {
  check_document(request.body.text());
  auto body = json::parse(request.body.text());
  auto sent = take_input(body);
  auto& input = sent.get_object();
  json::ReadReport report;
  JobBodyHead head;
  json::read_value(body, head, "", &report);
  const auto& task = task_of(head);
  check_prompt(task, body.get_object(), input);
  scheduler::NewJob job;
  job.priority = head.priority.value_or(task.priority);
  if (job.priority < 0 || job.priority > kPriorityMax) {
    refuse("/priority", "it must be 0, 1, 2 or 3");
  }
  take_attachments(task, input, job);
  if (has_row(task, card::kSeedMember)) {
    settle_seed(input, std::string(kInput), card::NegativeSeeds::kMinusOneIsAny);
    input.erase(kSeedText);
  }
  job.input.parameters = card::TaskInput(task, sent, std::string(kInput), &report);
  job.input.warnings = describe_unknown(report.unknown, known_fields(task));
  return job;
}

Schema new_job_schema() {
  return [](SchemaBook& book) -> bj::object {
    bj::array ids, inputs;
    for (const auto* task : card::all_tasks()) {
      ids.emplace_back(task->id);
      inputs.push_back(task_body_schema(*task)(book));
    }
    const bj::object task{{"type", "string"},
                          {"description", "GET /api/v1/tasks describes them"},
                          {"enum", std::move(ids)},
                          {"default", card::generate_task().id}};
    const bj::object kind{{"type", "string"},
                          {"description", "The same as task, an older name"},
                          {"deprecated", true}};
    const bj::object priority{
        {"type", "integer"},
        {"description", "3 immediate, 2 interactive, 1 preload, 0 background; absent: the task's"},
        {"minimum", 0},
        {"maximum", kPriorityMax}};
    book["NewJobBody"] = {
        {"type", "object"},
        {"properties", bj::object{{"task", task},
                                  {"kind", kind},
                                  {"priority", priority},
                                  {"input", bj::object{{"anyOf", std::move(inputs)}}}}}};
    return {{"$ref", "#/components/schemas/NewJobBody"}};
  };
}

}  // namespace atelier::http
