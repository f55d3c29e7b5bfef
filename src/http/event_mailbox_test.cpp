#include "http/event_mailbox.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

scheduler::SharedEvent event(std::int64_t id, const std::string& type, std::size_t bytes = 10) {
  domain::JobEvent event{id, type, 0, {}};
  event.job.reason.assign(bytes, 'x');
  return std::make_shared<const domain::JobEvent>(std::move(event));
}

std::vector<std::int64_t> ids_of(EventMailbox& mailbox) {
  std::vector<std::int64_t> ids;
  while (const auto taken = mailbox.take()) ids.push_back(taken->id);
  return ids;
}

TEST(EventMailbox, DropsOvertakenProgressAndNeverTheEnd) {
  EventMailbox mailbox;
  mailbox.push(event(1, "state"));
  for (std::int64_t id = 2; id < 1000; ++id) mailbox.push(event(id, "progress"));
  mailbox.push(event(1000, "end"));
  const auto ids = ids_of(mailbox);
  EXPECT_EQ(ids.size(), EventMailbox::kEventsMax);
  EXPECT_EQ(ids.front(), 1);
  EXPECT_EQ(ids.back(), 1000);
  EXPECT_EQ(ids[ids.size() - 2], 999);
}

TEST(EventMailbox, CountsTheBytesOfItsEvents) {
  EventMailbox mailbox;
  for (int round = 0; round < 2; ++round) {
    mailbox.push(event(1, "state"));
    for (std::int64_t id = 2; id < 50; ++id) mailbox.push(event(id, "progress", 60'000));
    const auto ids = ids_of(mailbox);
    EXPECT_EQ(ids.size(), 5U);  // the state and four of 60 KB
    EXPECT_EQ(ids.front(), 1);
    EXPECT_EQ(ids.back(), 49);
  }
}

TEST(EventMailbox, KeepsTheNewestWhateverItsSize) {
  EventMailbox mailbox;
  mailbox.push(event(1, "state", EventMailbox::kBytesMax));
  mailbox.push(event(2, "end", 2 * EventMailbox::kBytesMax));
  EXPECT_EQ(ids_of(mailbox), std::vector<std::int64_t>{2});
}

TEST(EventMailbox, HoldsNoCopy) {
  EventMailbox one;
  EventMailbox two;
  const auto shared = event(1, "state");
  one.push(shared);
  two.push(shared);
  EXPECT_EQ(shared.use_count(), 3);
  EXPECT_EQ(one.take().get(), two.take().get());
}

}  // namespace
}  // namespace atelier::http
