#include "http/event_mailbox.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

TEST(EventMailbox, DropsOvertakenProgressAndNeverTheEnd) {
  EventMailbox mailbox;
  mailbox.push({1, "state", 0, {}});
  for (std::int64_t id = 2; id < 1000; ++id) mailbox.push({id, "progress", 0, {}});
  mailbox.push({1000, "result", 0, {}});
  std::vector<std::int64_t> ids;
  while (auto event = mailbox.take()) ids.push_back(event->id);
  EXPECT_EQ(ids.size(), EventMailbox::kEventsMax);
  EXPECT_EQ(ids.front(), 1);
  EXPECT_EQ(ids.back(), 1000);
  EXPECT_EQ(ids[ids.size() - 2], 999);
}

}  // namespace
}  // namespace atelier::http
