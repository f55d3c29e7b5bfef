#include "engine/models/model_family.h"

#include <algorithm>

#include "platform/utf8.h"

namespace atelier::engine {
namespace {

std::vector<std::string> warnings_of(const CheckpointLayout& layout) {
  if (layout.left_over.empty()) return {};
  constexpr std::size_t kNamed = 3;
  const std::size_t count = layout.left_over.size();
  std::string names;
  for (std::size_t i = 0; i < std::min(count, kNamed); ++i) {
    names += (i == 0 ? "'" : ", '") + platform::cut(layout.left_over[i], 200) + "'";
  }
  if (count > kNamed) names += " and others";
  return {(count == 1 ? "1 tensor of its files is"
                      : std::to_string(count) + " tensors of its files are") +
          std::string(" not used: ") + names};
}

}  // namespace

card::ModelCard card_of_files(const std::string& id, const CheckpointLayout& layout) {
  card::ModelCard card;
  card.id = id;
  card.title = text_or(layout.card, "title", layout.path.stem().string());
  card.description = text_or(layout.card, "description", "");
  card.format = layout.format;
  card.memory.weights_bytes = static_cast<std::int64_t>(layout.weights_bytes());
  card.content_hash = layout.fingerprint;
  card.warnings = warnings_of(layout);
  return card;
}

std::string text_or(const boost::json::object& object, std::string_view key, std::string fallback) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string())
                                                : std::move(fallback);
}

double number_or(const boost::json::object& object, std::string_view key, double low, double high,
                 double fallback) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return fallback;
  const auto number = value->to_number<double>();
  return number >= low && number <= high ? number : fallback;
}

int integer_or(const boost::json::object& object, std::string_view key, int low, int high,
               int fallback) {
  return static_cast<int>(number_or(object, key, low, high, fallback));
}

}  // namespace atelier::engine
