#include "platform/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/error.h"

namespace atelier::platform {
namespace {

using std::chrono::seconds;

ChildProcess shell(const std::string& script) {
  return ChildProcess::spawn({"/bin/sh", {"-c", script}, {{"ATELIER_WORD", "hello"}}, 0});
}

TEST(ChildProcess, TalksOverItsSocket) {
  ChildProcess child = shell("read line <&3; echo \"$line $ATELIER_WORD\" >&3");
  ASSERT_EQ(::write(child.socket(), "well\n", 5), 5);
  std::string answer(11, '\0');
  ASSERT_EQ(::recv(child.socket(), answer.data(), answer.size(), MSG_WAITALL), 11);
  EXPECT_EQ(answer, "well hello\n");
  EXPECT_EQ(child.wait_end(seconds(5))->exit_code, 0);
}

TEST(ChildProcess, ItsEndIsSeenAndNamed) {
  EXPECT_EQ(shell("exit 3").wait_end(seconds(5))->exit_code, 3);
  ChildProcess child = shell("exec sleep 60");
  EXPECT_FALSE(child.poll_end().has_value());
  child.send_signal(SIGKILL);
  const auto end = child.wait_end(seconds(5));
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->signal, SIGKILL);
  EXPECT_NE(describe(*end).find("signal 9"), std::string::npos);
  child.send_signal(SIGKILL);  // nothing left to hit
}

TEST(ChildProcess, TheSocketClosesWhenTheChildDies) {
  ChildProcess child = shell("exec sleep 60");
  child.send_signal(SIGKILL);
  char byte = 0;
  EXPECT_EQ(::recv(child.socket(), &byte, 1, 0), 0);
}

TEST(ChildProcess, InheritsNothingElse) {
  const int secret = ::dup(STDERR_FILENO);
  ASSERT_GT(secret, 2);
  ChildProcess child = shell("test -e /proc/self/fd/" + std::to_string(secret == 3 ? 4 : secret) +
                             " && exit 1 || exit 0");
  EXPECT_EQ(child.wait_end(seconds(5))->exit_code, 0);
  ::close(secret);
}

TEST(ChildProcess, AMissingProgramIsASentence) {
  try {
    ChildProcess::spawn({"/no/such/program", {}, {}, 0});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/no/such/program"), std::string::npos);
  }
}

TEST(ChildProcess, IsKilledWithItsOwner) {
  pid_t pid = 0;
  {
    const ChildProcess child = shell("exec sleep 60");
    pid = child.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

}  // namespace
}  // namespace atelier::platform
