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

scheduler::SharedEvent text(std::int64_t id, std::size_t offset, const std::string& piece) {
  return std::make_shared<const domain::JobEvent>(
      domain::JobEvent{.id = id,
                       .type = std::string(domain::kTextEvent),
                       .time_ms = id,
                       .job = {},
                       .offset = static_cast<std::int64_t>(offset),
                       .text = piece});
}

TEST(EventMailbox, JoinsPiecesOfTextThatWait) {
  EventMailbox mailbox;
  const auto shared = text(2, 0, "one ");
  mailbox.push(event(1, "state"));
  mailbox.push(shared);
  mailbox.push(text(3, 4, "two "));
  mailbox.push(text(4, 8, "three"));
  EXPECT_EQ(shared->text, "one ");  // other readers have it
  EXPECT_EQ(mailbox.take()->id, 1);
  const auto joined = mailbox.take();
  EXPECT_EQ(joined->id, 4);
  EXPECT_EQ(joined->time_ms, 4);
  EXPECT_EQ(joined->offset, 0);
  EXPECT_EQ(joined->text, "one two three");
  mailbox.push(text(5, 13, "!"));
  EXPECT_EQ(joined->text, "one two three");  // it was taken
  EXPECT_EQ(mailbox.take()->offset, 13);
  EXPECT_EQ(mailbox.take(), nullptr);
}

TEST(EventMailbox, JoinsTextAcrossProgressOnlyWhereThatIsDropped) {
  EventMailbox mailbox;
  mailbox.push(text(1, 0, "a"));
  mailbox.push(event(2, "progress"));
  mailbox.push(text(3, 1, "b"));
  EXPECT_EQ(ids_of(mailbox), (std::vector<std::int64_t>{1, 2, 3}));
}

TEST(EventMailbox, ASlowReaderGetsAllOfTheText) {
  EventMailbox mailbox;
  std::string sent;
  std::int64_t id = 0;
  mailbox.push(event(++id, "state", 1000));
  for (int i = 0; i < 5000; ++i) {
    const auto piece = std::to_string(i) + " ";
    mailbox.push(text(++id, sent.size(), piece));
    sent += piece;
    if (i % 3 == 0) mailbox.push(event(++id, "progress", 60'000));
    if (i % 1000 == 0) mailbox.push(event(++id, "state", 1000));
  }
  mailbox.push(event(++id, "end", 2 * EventMailbox::kBytesMax));
  std::string received;
  std::int64_t last = 0;
  std::size_t events = 0;
  std::string type;
  while (const auto taken = mailbox.take()) {
    EXPECT_GT(taken->id, last);
    last = taken->id;
    type = taken->type;
    ++events;
    if (taken->type != domain::kTextEvent) continue;
    EXPECT_EQ(taken->offset, std::ssize(received));
    received += taken->text;
  }
  EXPECT_EQ(received, sent);
  EXPECT_EQ(type, "end");
  EXPECT_LE(events, EventMailbox::kEventsMax);
}

TEST(EventMailbox, TextThatStartsAgainReplacesWhatWaits) {
  EventMailbox mailbox;
  mailbox.push(text(1, 0, "old"));
  mailbox.push(event(2, "state"));
  mailbox.push(text(3, 3, "old"));
  mailbox.push(text(4, 0, ""));
  mailbox.push(event(5, "progress"));
  mailbox.push(text(6, 0, "new"));
  mailbox.push(text(7, 3, "er"));
  EXPECT_EQ(mailbox.take()->id, 2);
  EXPECT_EQ(mailbox.take()->id, 5);
  const auto joined = mailbox.take();
  EXPECT_EQ(joined->offset, 0);
  EXPECT_EQ(joined->text, "newer");
  EXPECT_EQ(mailbox.take(), nullptr);
}

}  // namespace
}  // namespace atelier::http
