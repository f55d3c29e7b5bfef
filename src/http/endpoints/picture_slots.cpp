#include "http/endpoints/picture_slots.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "platform/check.h"
#include "platform/ids.h"

namespace atelier::http {

PictureSlots::PictureSlots() : mark_("picture-" + platform::new_id() + "-") {}

std::string PictureSlots::add(std::shared_ptr<const platform::ByteSource> picture) {
  pictures_.push_back(platform::base64_of(std::move(picture)));
  return mark_ + std::to_string(pictures_.size() - 1);
}

std::shared_ptr<const platform::ByteSource> PictureSlots::fill(std::string_view json) const {
  std::vector<std::shared_ptr<const platform::ByteSource>> parts;
  for (auto at = json.find(mark_); at != std::string_view::npos; at = json.find(mark_)) {
    parts.push_back(platform::bytes_in_memory(json.substr(0, at)));
    json.remove_prefix(at + mark_.size());
    std::size_t number = 0;
    const auto end = std::from_chars(json.data(), json.data() + json.size(), number).ptr;
    CHECK(number < pictures_.size());
    parts.push_back(pictures_[number]);
    json.remove_prefix(static_cast<std::size_t>(end - json.data()));
  }
  parts.push_back(platform::bytes_in_memory(json));
  return platform::joined(std::move(parts));
}

}  // namespace atelier::http
