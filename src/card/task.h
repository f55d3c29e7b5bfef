// The description of a task, and its input and facts as type-erased values: only the task, its
// pipeline and its dialects use the struct. card/tasks/<task>.h has the struct, card/all_tasks.cpp
// the list. Everything here is immutable once made; any thread may read it.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "card/attachment.h"
#include "card/parameter.h"
#include "json/describe.h"
#include "platform/check.h"

namespace atelier::card {

struct ModelCard;
struct TaskDescription;

// Milliseconds per stage: "load_ms", "encode_ms", "denoise_ms", …
using Timing = std::map<std::string, double>;

// Members that mean the same in the input of every task that has them: the id of a model, which is
// also the role of its files; the number that random numbers start from; the colour behind
// transparent parts (Transparency::kOnMatte).
inline constexpr std::string_view kModelMember = "model", kSeedMember = "seed",
                                  kMatteMember = "matte";

template <class T>
inline constexpr char kTypeKey = 0;

// Reads and writes one described struct behind an erased pointer.
struct StructCodec {
  const void* type = nullptr;
  std::shared_ptr<const void> (*read)(const boost::json::value& from, const std::string& pointer,
                                      json::ReadReport* report) = nullptr;
  std::string (*write)(const void* value) = nullptr;
  std::vector<std::string> (*members)() = nullptr;
};

template <class T>
StructCodec codec_of() {
  return {
      .type = &kTypeKey<T>,
      .read = [](const boost::json::value& from, const std::string& pointer,
                 json::ReadReport* report) -> std::shared_ptr<const void> {
        auto value = std::make_shared<T>();
        json::read_value(from, *value, pointer, report);
        return value;
      },
      .write = [](const void* value) { return json::write_json(*static_cast<const T*>(value)); },
      .members = &json::member_names<T>};
}

// A struct of a task, its JSON beside it.
class TaskValue {
 public:
  TaskValue() = default;

  bool empty() const { return !object_; }
  // The members as JSON; {} when empty.
  const boost::json::object& members() const;
  std::string json() const;
  // A member that is a text; "" when it is absent or something else.
  std::string text(std::string_view member) const;
  // Whether the member is there and not null.
  bool has(std::string_view member) const;

  // The struct. A programmer's mistake where it is of another type.
  template <class T>
  const T& as() const {
    CHECK(type_ == &kTypeKey<T>);
    return *static_cast<const T*>(value_.get());
  }

 protected:
  TaskValue(const StructCodec& codec, const boost::json::value& from, const std::string& pointer,
            json::ReadReport* report);
  explicit TaskValue(boost::json::object unread);

 private:
  const void* type_ = nullptr;
  std::shared_ptr<const void> value_;
  std::shared_ptr<const boost::json::object> object_;
};

// The parameters of a job, and which task they are of.
class TaskInput : public TaskValue {
 public:
  TaskInput() = default;
  // Throws kInvalidArgument with the JSON pointer (below `pointer`) of a member of the wrong type.
  // Ranges are validation.h's.
  TaskInput(const TaskDescription& task, const boost::json::value& from,
            const std::string& pointer = "", json::ReadReport* report = nullptr);
  template <class T>
  static TaskInput of(const TaskDescription& task, const T& value) {
    return TaskInput(task, json::parse(json::write_json(value)));
  }
  // Of a task unknown to this program: listed, but never run.
  static TaskInput of_unknown(std::string task, boost::json::object members);

  const std::string& task_id() const { return task_id_; }
  // Null: the task is unknown to this program.
  const TaskDescription* task() const { return task_; }
  // The same with one member changed.
  TaskInput with(std::string_view member, boost::json::value value) const;
  TaskInput with_text(std::string_view member, std::string_view text) const {
    return with(member, boost::json::value(text));
  }

 private:
  TaskInput(std::string task, boost::json::object unread)
      : TaskValue(std::move(unread)), task_id_(std::move(task)) {}

  std::string task_id_;
  const TaskDescription* task_ = nullptr;
};

// The values that were used and the findings, reported with the result.
class TaskFacts : public TaskValue {
 public:
  TaskFacts() = default;
  TaskFacts(const TaskDescription& task, const boost::json::value& from);
  template <class T>
  static TaskFacts of(const TaskDescription& task, const T& value) {
    return TaskFacts(task, json::parse(json::write_json(value)));
  }
  static TaskFacts of_unknown(boost::json::object members);

  // The member `warnings`: sentences.
  std::vector<std::string> warnings() const;

 private:
  explicit TaskFacts(boost::json::object unread) : TaskValue(std::move(unread)) {}
};

struct PictureSize {
  int width = 0, height = 0;
};
using PictureSizes = std::map<std::string, PictureSize>;  // of attachments, by role

// Where an attachment of a step comes from: the first picture that an earlier step made, or an
// attachment of the job.
struct StepSource {
  std::optional<int> step = {};  // number of the earlier step, from 0
  std::string role = {};         // of the job's attachment, where `step` is absent
};

// A run of another task, as a part of a composite one.
struct Step {
  std::string title = {};                              // for people: "Refine"
  TaskInput input = {};                                // of the task that runs
  std::map<std::string, StepSource> attachments = {};  // by role of that task
  // Members of `input` that the composite's own input has under another name.
  std::map<std::string, std::string> fields = {};
};

// The size of a run: memory grows with `pixels`, time with `pixels` times `steps`.
struct Work {
  double pixels = 1, steps = 1;
};

struct TaskDescription {
  std::string id = {};  // "generate": in the API, the database, the protocol and the code
  std::string title = {}, summary = {};  // for people
  std::vector<Parameter> parameters = {};
  std::vector<Attachment> attachments = {};
  std::string model_kind = {};  // what its models are for, in lists and sentences: "generation"
  std::vector<std::string> outputs = {};  // kinds of outputs (output.h)
  std::string capability = {};            // of the model, where no attachment needs another
  int priority = 2;
  bool previews = false;  // pictures of work in progress
  // A run takes about a second on a processor: with a small model it goes to the light worker, so
  // that it does not wait behind a long job.
  bool light = false;
  // A run of it can be suspended between two blocks of its network and go on later.
  bool suspends = false;
  // Members of the input with the values that need less memory and change the output little, tried
  // in order when a run was out of memory: {"tile_vae", true}.
  std::vector<std::pair<std::string, boost::json::value>> savings = {};
  // What the memory and the time of a run grow with; empty: every run counts the same.
  std::function<Work(const TaskInput& input, const ModelCard& card)> work = {};
  // The stage of the main work in progress reports: what its steps are, where the task counts any.
  std::string stage = "run";
  // The pipeline sends its text output in pieces while it makes it (JobObserver::on_text).
  bool streams_text = false;
  StructCodec input = {}, facts = {};  // the facts of a composite task are CompositeFacts
  // Of a composite task, which no engine runs itself: its runs, in order. `sizes` has the pictures
  // that were sent; the defaults of the input without any picture give steps as well, for their
  // tasks. Throws kInvalidArgument with the field.
  std::function<std::vector<Step>(const TaskInput& input, const PictureSizes& sizes)> steps = {};
  // Rules between parameters, after each was checked against its row; may be empty. Throws
  // kInvalidArgument with the field.
  std::function<void(const TaskInput& input, const Roles& attached)> check = {};
  // The texts by key that are written into picture `index` of a job. May be empty.
  std::function<std::vector<std::pair<std::string, std::string>>(const std::string& job,
                                                                 const TaskFacts& facts, int index)>
      picture_texts = {};
};

// Null: there is no such attachment.
const Attachment* find_attachment(const TaskDescription& task, const std::string& role);

}  // namespace atelier::card
