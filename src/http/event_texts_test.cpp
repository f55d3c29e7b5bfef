#include "http/event_texts.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

int written = 0;

std::string format(const domain::JobEvent& event) {
  ++written;
  return "{\"type\":\"" + event.type + "\"}";
}

scheduler::SharedEvent event(std::int64_t id, std::size_t bytes = 0) {
  domain::JobEvent event{id, "progress", 0, {}};
  event.job.reason.assign(bytes, 'x');
  return std::make_shared<const domain::JobEvent>(std::move(event));
}

TEST(EventTexts, FormatsAnEventOnceForAllSubscribers) {
  EventTexts texts;
  written = 0;
  const auto seven = event(7);
  const auto text = texts.text_of(seven, format);
  EXPECT_EQ(*text, "id: 7\nevent: progress\ndata: {\"type\":\"progress\"}\n\n");
  for (int client = 0; client < 100; ++client) EXPECT_EQ(texts.text_of(seven, format), text);
  EXPECT_EQ(written, 1);
  EXPECT_EQ(*texts.text_of(event(0), format), "event: progress\ndata: {\"type\":\"progress\"}\n\n");
}

TEST(EventTexts, DropsTheOldest) {
  EventTexts texts;
  const auto first = event(1);
  texts.text_of(first, format);
  for (std::size_t i = 0; i < EventTexts::kTextsMax; ++i) texts.text_of(event(2), format);
  EXPECT_EQ(first.use_count(), 1);
  const auto large = event(3, EventTexts::kBytesMax + 1);
  EXPECT_FALSE(texts.text_of(large, format)->empty());
  EXPECT_EQ(large.use_count(), 1);  // too large to be kept
}

}  // namespace
}  // namespace atelier::http
