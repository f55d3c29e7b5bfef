#include "platform/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "platform/error.h"
#include "platform/log.h"

namespace atelier::platform {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

std::string receive_all(ChildProcess& child) {
  std::string all;
  char piece[256];
  ssize_t got = 0;
  while ((got = ::recv(child.socket(), piece, sizeof piece, 0)) > 0) {
    all.append(piece, static_cast<std::size_t>(got));
  }
  return all;
}

// The lines of the log while this object lives.
class LogLines {
 public:
  LogLines() {
    set_log_sink([this](LogLevel, std::string_view line) {
      const std::scoped_lock lock(mutex_);
      text_ += std::string(line) + "\n";
    });
  }
  ~LogLines() {
    set_log_sink([](LogLevel, std::string_view) {});
  }
  std::string text() {
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

bool within(seconds limit, const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

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

TEST(ChildProcess, InheritsNoDescriptorHoweverHighItsNumber) {
  const int high = ::fcntl(STDERR_FILENO, F_DUPFD, 1500);
  if (high < 0) GTEST_SKIP() << "this process may not open so many descriptors";
  ChildProcess child = shell("ls /proc/self/fd >&3");
  EXPECT_THAT(receive_all(child), Not(HasSubstr(std::to_string(high))));
  ::close(high);
}

TEST(ChildProcess, InheritsNoSecrets) {
  ::setenv("ATELIER_API_KEY", "secret-one", 1);
  ::setenv("HF_TOKEN", "secret-two", 1);
  ChildProcess child = shell("env >&3");
  const std::string environment = receive_all(child);
  ::unsetenv("ATELIER_API_KEY");
  ::unsetenv("HF_TOKEN");
  EXPECT_THAT(environment, HasSubstr("PATH="));
  EXPECT_THAT(environment, HasSubstr("ATELIER_WORD=hello"));
  EXPECT_THAT(environment, Not(HasSubstr("secret")));
}

TEST(ChildProcess, HasASessionOfItsOwnAndNoInput) {
  ChildProcess child = shell(
      "readlink /proc/self/fd/0 >&3; read line; echo \"<$line>\" >&3; "
      "sleep 60 3>&-");
  std::string answer(13, '\0');
  ASSERT_EQ(::recv(child.socket(), answer.data(), answer.size(), MSG_WAITALL), 13);
  EXPECT_EQ(answer, "/dev/null\n<>\n");
  EXPECT_EQ(::getsid(child.pid()), child.pid());
}

TEST(ChildProcess, WhatItWritesBecomesLinesOfTheLog) {
  LogLines log;
  ChildProcess child = shell("echo to output; printf 'to \\033error' >&2");
  EXPECT_EQ(child.wait_end(seconds(20))->exit_code, 0);
  const std::string beginning = "sh " + std::to_string(child.pid()) + ": ";
  EXPECT_TRUE(within(seconds(20), [&] {
    const std::string text = log.text();
    return text.find(beginning + "to output\n") != std::string::npos &&
           text.find(beginning + "to \\x1berror\n") != std::string::npos;
  })) << log.text();
}

TEST(ChildProcess, TheLastLineThatItWroteIsKeptWithItsEnd) {
  ChildProcess child = shell("echo first; echo 'out of patience' >&2; exit 3");
  EXPECT_EQ(child.wait_end(std::chrono::seconds(60)).value().exit_code, 3);
  EXPECT_EQ(child.last_line(), "out of patience");
  ChildProcess silent = shell("exit 3");
  EXPECT_TRUE(silent.wait_end(std::chrono::seconds(60)));
  EXPECT_EQ(silent.last_line(), "");
}

TEST(ChildProcess, AnOutputThatIsClosedOrKeptByAnotherHidesNoEnd) {
  EXPECT_EQ(shell("exec >&- 2>&-; sleep 0.1; exit 4").wait_end(seconds(20))->exit_code, 4);
  ChildProcess child = shell("sleep 3 & exit 5");
  EXPECT_EQ(child.wait_end(seconds(20))->exit_code, 5);
}

TEST(ChildProcess, IsReapedAtOnceThoughNobodyAsks) {
  ChildProcess child = shell("exit 0");
  const std::string process = "/proc/" + std::to_string(child.pid());
  EXPECT_TRUE(within(seconds(20), [&] { return !std::filesystem::exists(process); }));
  EXPECT_EQ(child.poll_end()->exit_code, 0);
}

TEST(ChildProcess, AStoppedOneIsKilledWithTheThreadThatStartedIt) {
  std::optional<ChildProcess> child;
  std::thread([&] {
    child = shell("exec sleep 60");
    child->send_signal(SIGSTOP);
  }).join();
  const auto end = child->wait_end(seconds(20));
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->signal, SIGKILL);
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

// Attaches to the process as a debugger does, in a process of its own: a killed process does not
// end for its parent as long as the debugger has not taken note of it. 0: that is not allowed here.
pid_t debugger_of(pid_t pid) {
  int ready[2] = {-1, -1};
  if (::pipe(ready) != 0) return 0;
  const pid_t debugger = ::fork();
  if (debugger == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char attached = ::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0 ? 1 : 0;
    [[maybe_unused]] const ssize_t written = ::write(ready[1], &attached, 1);
    for (;;) ::pause();
  }
  char attached = 0;
  const bool told = ::read(ready[0], &attached, 1) == 1;
  ::close(ready[0]);
  ::close(ready[1]);
  if (told && attached == 1) return debugger;
  ::kill(debugger, SIGKILL);
  ::waitpid(debugger, nullptr, 0);
  return 0;
}

TEST(ChildProcess, OneThatCannotBeReapedDoesNotBlockItsOwner) {
  std::optional<ChildProcess> child = shell("exec sleep 600");
  const pid_t pid = child->pid();
  const pid_t debugger = debugger_of(pid);
  if (debugger == 0) GTEST_SKIP() << "no process may be traced here";
  child.reset();  // does not return without the limit
  EXPECT_EQ(::kill(pid, 0), 0) << "it is still there";
  ::kill(debugger, SIGKILL);
  ::waitpid(debugger, nullptr, 0);
  EXPECT_TRUE(within(seconds(60), [&] { return ::kill(pid, 0) != 0; })) << "it is reaped later";
}

}  // namespace
}  // namespace atelier::platform
