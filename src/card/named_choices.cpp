#include "card/named_choices.h"

#include <algorithm>

#include "platform/ascii.h"
#include "platform/error.h"
#include "platform/nearest.h"
#include "platform/utf8.h"

namespace atelier::card {
namespace {

constexpr std::size_t kNameMax = 200;  // bytes that are compared
constexpr std::size_t kShownMax = 60;

std::string advice(const NamedList& list, std::string_view name) {
  std::vector<std::string> keys;
  for (const auto& choice : list) {
    if (choice.available) keys.push_back(comparable(choice.id));
  }
  std::string text;
  for (const auto& near : platform::near_names(comparable(name), keys)) {
    text += (text.empty() ? "" : ", ") + find_choice(list, near)->id;
  }
  return text.empty() ? "GET /api/v1/samplers lists the known ones"
                      : "the nearest names are " + text;
}

const std::string& id_of(const Parameter& row, const NamedList& list, const NamedChoice& choice) {
  if (choice.available) return choice.id;
  throw Error(ErrorCode::kUnsupported, row.name,
              "'" + choice.title + "' is not implemented yet: " + advice(list, choice.id));
}

// Resolves the member of one row; the other rows with lists may receive a part of its name.
class Resolution {
 public:
  Resolution(const TaskInput& input, const NamedLists& lists) : result_(input), lists_(lists) {}

  void resolve(const Parameter& row);
  TaskInput take() { return std::move(result_); }

 private:
  const NamedList* list_of(const Parameter& row) const {
    const auto found = lists_.find(row.list);
    return row.list.empty() || found == lists_.end() || found->second.empty() ? nullptr
                                                                              : &found->second;
  }
  bool resolve_with(const Parameter& row, const NamedList& list, const Parameter& other,
                    std::string_view name);

  TaskInput result_;
  const NamedLists& lists_;
};

bool Resolution::resolve_with(const Parameter& row, const NamedList& list, const Parameter& other,
                              std::string_view name) {
  const auto* others = list_of(other);
  if (others == nullptr || &other == &row) return false;
  if (const auto* alone = find_choice(*others, name)) {
    result_ = result_.with_text(row.name, "").with_text(other.name, id_of(other, *others, *alone));
    return true;
  }
  const auto pair = split_name(name, list, *others);
  if (!pair) return false;
  result_ = result_.with_text(row.name, id_of(row, list, *pair->first))
                .with_text(other.name, id_of(other, *others, *pair->second));
  return true;
}

void Resolution::resolve(const Parameter& row) {
  const auto* list = list_of(row);
  const std::string sent = result_.text(row.name);
  if (list == nullptr || sent.empty()) return;
  const std::string name = platform::cut(sent, kNameMax);
  if (const auto* choice = find_choice(*list, name)) {
    const auto& id = id_of(row, *list, *choice);
    if (id != sent) result_ = result_.with_text(row.name, id);
    return;
  }
  for (const auto& other : result_.task()->parameters) {
    if (resolve_with(row, *list, other, name)) return;
  }
  throw Error(ErrorCode::kInvalidArgument, row.name,
              "unknown name '" + platform::cut(sent, kShownMax) + "': " + advice(*list, name));
}

}  // namespace

std::string comparable(std::string_view name) {
  std::string key;
  for (char character : platform::lower(name)) {
    if (character == '+') character = 'p';
    const bool kept =
        (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
    if (kept) key += character;
  }
  return key;
}

const NamedChoice* find_choice(const NamedList& list, std::string_view name) {
  const auto key = comparable(name);
  for (const auto& choice : list) {
    if (comparable(choice.id) == key || comparable(choice.title) == key) return &choice;
    for (const auto& alias : choice.aliases) {
      if (comparable(alias) == key) return &choice;
    }
  }
  return nullptr;
}

std::optional<ChoicePair> split_name(std::string_view name, const NamedList& first,
                                     const NamedList& second) {
  const auto key = comparable(name);
  if (key.empty()) return std::nullopt;
  for (std::size_t cut = key.size() - 1; cut > 0; --cut) {
    const auto* head = find_choice(first, std::string_view{key}.substr(0, cut));
    const auto* tail = find_choice(second, std::string_view{key}.substr(cut));
    if (head != nullptr && tail != nullptr) return ChoicePair{head, tail};
  }
  return std::nullopt;
}

TaskInput with_ids(const TaskInput& input, const NamedLists& lists) {
  if (input.task() == nullptr) return input;
  Resolution resolution(input, lists);
  for (const auto& row : input.task()->parameters) resolution.resolve(row);
  return resolution.take();
}

}  // namespace atelier::card
