#include "decoder/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <future>
#include <thread>

#include "decoder/isolation.h"

namespace atelier::decoder {
namespace {

using Measures = std::vector<std::string>;

// In a child, because there is no way back out of the sandbox: 0 when all of `work` held.
int status_in_child(const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work() ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

int status_inside(const std::function<bool(const Measures&)>& work) {
  return status_in_child([&work] { return work(enter_sandbox({}, [] {})); });
}

bool has(const Measures& measures, std::string_view name) {
  return std::ranges::find(measures, name) != measures.end();
}

TEST(Sandbox, OpensNoFilesSocketsOrPrograms) {
  EXPECT_EQ(status_inside([](const Measures&) {
              char program[] = "/bin/true";
              char* const arguments[] = {program, nullptr};
              return ::open("/etc/passwd", O_RDONLY) < 0 && ::socket(AF_INET, SOCK_STREAM, 0) < 0 &&
                     ::execv(program, arguments) < 0 && ::fork() < 0;
            }),
            0);
}

TEST(Sandbox, ThreadsCanStillBeMade) {
  EXPECT_EQ(status_inside([](const Measures&) {
              int done = 0;
              std::thread([&] { done = 1; }).join();
              return done == 1;
            }),
            0);
}

TEST(Sandbox, WhatEverySystemHasIsAlwaysInForce) {
  EXPECT_EQ(status_inside([](const Measures& measures) {
              return has(measures, "limits") && has(measures, "no_new_privs") &&
                     has(measures, "capabilities") && has(measures, kCallFilter);
            }),
            0);
}

TEST(Sandbox, ItsPreparationMayReadFilesAndHasNoPrivileges) {
  EXPECT_EQ(status_in_child([] {
              bool read = false;
              bool privileged = true;
              enter_sandbox({}, [&] {
                read = ::open("/proc/self/status", O_RDONLY) >= 0;
                privileged = ::chroot("/") == 0;
              });
              return read && !privileged;
            }),
            0);
}

// Each measure by what it does, where the system has it.
TEST(Sandbox, TheNamespacesAreOthers) {
  EXPECT_EQ(status_in_child([] {
              struct stat user{}, network{}, now{};
              ::stat("/proc/self/ns/user", &user);
              ::stat("/proc/self/ns/net", &network);
              const Namespaces entered = enter_namespaces();
              ::stat("/proc/self/ns/user", &now);
              const bool other_user = now.st_ino != user.st_ino;
              ::stat("/proc/self/ns/net", &now);
              return entered.user == other_user &&
                     entered.network == (now.st_ino != network.st_ino);
            }),
            0);
}

TEST(Sandbox, TheFileSystemIsLeftBehind) {
  EXPECT_EQ(status_in_child([] {
              const bool left = leave_the_file_system();
              return left == (::open("/etc/passwd", O_RDONLY) < 0) &&
                     left == (::mkdir("/tmp/atelier-sandbox-test", 0700) != 0 && errno == EACCES);
            }),
            0);
  ::rmdir("/tmp/atelier-sandbox-test");
}

TEST(Sandbox, AThreadThatCannotTakeTheFilterIsNotPassedOver) {
  EXPECT_EQ(status_in_child([] {
              std::promise<void> filtered, over;
              std::thread other([&] {
                // A filter of its own, which ours cannot follow.
                const scmp_filter_ctx own = ::seccomp_init(SCMP_ACT_ALLOW);
                ::seccomp_rule_add(own, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(syslog), 0);
                ::seccomp_load(own);
                ::seccomp_release(own);
                filtered.set_value();
                over.get_future().wait();
              });
              filtered.get_future().wait();
              const Measures measures = enter_sandbox({}, [] {});
              over.set_value();
              other.join();
              return !has(measures, kCallFilter) && !has(measures, "landlock") &&
                     !has(measures, "user_namespace");
            }),
            0);
}

TEST(Sandbox, AWriteIntoAFileFailsAndEndsNothing) {
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(status_in_child([file] {
              enter_sandbox({}, [file] { ::dup2(::fileno(file), STDERR_FILENO); });
              return ::write(STDERR_FILENO, "warning", 7) < 0 && errno == EFBIG;
            }),
            0);
  std::fclose(file);
}

TEST(Sandbox, EndlessWorkIsEndedByTheKernel) {
  const int status = status_inside([](const Measures&) {
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
