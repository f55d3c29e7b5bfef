#include "ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json_fields.h"

namespace atelier::chaos {
namespace {

using testing::HasSubstr;

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    Submission submission{.task = "classify", .key = "k"};
    ledger_.sent(submission);
    ledger_.accepted(submission, view("queued", 0));
  }

  static bj::value view(const std::string& state, int attempt, const std::string& more = "") {
    return bj::parse(R"({"id":"a","state":")" + state + R"(","attempt":)" +
                     std::to_string(attempt) + R"(,"finished_ms":5)" + more + "}");
  }
  static bj::value succeeded(int attempt = 1) {
    return view("succeeded", attempt, R"(,"result":{"artifacts":[],"outputs":[1]})");
  }
  static bj::value failed(const std::string& code, int attempt = 1) {
    return view("failed", attempt, R"(,"failure":{"sentence":"x","code":")" + code + "\"}");
  }
  void see(const bj::value& view) { ledger_.observe(view, Clock::now()); }
  void expect_violation(const std::string& part) {
    EXPECT_TRUE(journal_.failed());
    EXPECT_THAT(journal_.report(""), HasSubstr(part));
  }

  Journal journal_{7};
  Ledger ledger_{journal_};
};

TEST_F(LedgerTest, AJobMayWaitRunAndEndOnce) {
  see(view("running", 1));
  see(view("queued", 0));
  see(succeeded());
  see(succeeded());
  EXPECT_FALSE(journal_.failed()) << journal_.report("");
}

TEST_F(LedgerTest, AnEndThatChangesIsAViolation) {
  see(succeeded());
  see(view("cancelled", 1));
  expect_violation("was succeeded");
}

TEST_F(LedgerTest, AJobThatRunsAgainAfterItsEndIsAViolation) {
  see(succeeded());
  see(view("running", 1));
  expect_violation("is running and was succeeded");
}

TEST_F(LedgerTest, AReplyOfARequestFromBeforeTheEndIsNone) {
  const auto asked = Clock::now();
  see(succeeded());
  ledger_.observe(view("running", 1), asked);
  EXPECT_FALSE(journal_.failed()) << journal_.report("");
}

TEST_F(LedgerTest, AnAttemptNeedsTheEndOfAWorkerSinceTheLastCalm) {
  ledger_.add(Cause::kWorkerEnd);
  see(succeeded(2));
  EXPECT_FALSE(journal_.failed()) << journal_.report("");
  ledger_.calm(Ledger::MemoryRunsOut::kNo);
  Submission later{.task = "classify"};
  ledger_.sent(later);
  auto other = succeeded(2);
  other.as_object()["id"] = "b";
  ledger_.accepted(later, other);
  see(other);
  expect_violation("job b used an attempt");
}

TEST_F(LedgerTest, ACancellationNeedsARequest) {
  see(view("cancelled", 0));
  expect_violation("was not cancelled by any");
}

TEST_F(LedgerTest, AFailureNeedsACause) {
  see(failed("internal"));
  expect_violation("failed without a cause");
}

TEST_F(LedgerTest, AWorkerThatIsLostNeedsTwoEndsOfIt) {
  ledger_.add(Cause::kWorkerEnd);
  see(failed("worker_lost", 2));
  expect_violation("failed without enough ends");
}

TEST_F(LedgerTest, APictureThatIsMissingIsAViolation) {
  Submission one{.task = "upscale", .pictures = 1};
  ledger_.sent(one);
  auto other = succeeded();
  other.as_object()["id"] = "b";
  ledger_.accepted(one, other);
  see(other);
  expect_violation("number of pictures");
}

TEST_F(LedgerTest, AKeyHasOneJob) {
  Submission again{.task = "classify", .key = "k"};
  ledger_.accepted(again, view("running", 1));
  EXPECT_FALSE(journal_.failed()) << journal_.report("");
  auto other = view("queued", 0);
  other.as_object()["id"] = "b";
  ledger_.accepted(again, other);
  expect_violation("has two jobs: a and b");
}

TEST_F(LedgerTest, TheLastEventIsOneOfAJobThatHasEnded) {
  ledger_.observe_end(succeeded(), 9);
  ledger_.observe_end(succeeded(), 9);
  EXPECT_FALSE(journal_.failed()) << journal_.report("");
  ledger_.observe_end(succeeded(), 10);
  expect_violation("two last events");
}

}  // namespace
}  // namespace atelier::chaos
