#include "decoder/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <thread>

namespace atelier::decoder {
namespace {

// In a child, because there is no way back out of the sandbox: 0 when all of `work` held.
int status_inside(const std::function<bool(const std::vector<std::string>&)>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work(enter_sandbox({})) ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

bool has(const std::vector<std::string>& measures, const char* name) {
  return std::find(measures.begin(), measures.end(), name) != measures.end();
}

TEST(Sandbox, OpensNoFilesSocketsOrPrograms) {
  EXPECT_EQ(status_inside([](const std::vector<std::string>& measures) {
              if (!has(measures, "seccomp")) return true;  // not on this system: nothing to hold
              char program[] = "/bin/true";
              char* const arguments[] = {program, nullptr};
              return ::open("/etc/passwd", O_RDONLY) < 0 && ::socket(AF_INET, SOCK_STREAM, 0) < 0 &&
                     ::execv(program, arguments) < 0 && ::fork() < 0;
            }),
            0);
}

TEST(Sandbox, ThreadsCanStillBeMade) {
  EXPECT_EQ(status_inside([](const std::vector<std::string>&) {
              int done = 0;
              std::thread([&] { done = 1; }).join();
              return done == 1;
            }),
            0);
}

TEST(Sandbox, LimitsAndPrivilegesAreAlwaysInForce) {
  EXPECT_EQ(status_inside([](const std::vector<std::string>& measures) {
              return has(measures, "limits") && has(measures, "no_new_privs");
            }),
            0);
}

TEST(Sandbox, EndlessWorkIsEndedByTheKernel) {
  const int status = status_inside([](const std::vector<std::string>&) {
    allow_cpu_seconds(0);
    volatile unsigned spin = 0;
    for (;;) spin = spin + 1;
    return true;
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGXCPU);
}

}  // namespace
}  // namespace atelier::decoder
