// What a hostile picture could call from inside the decoder. The probes run where one that has
// taken over libjpeg would stand: on the thread of libvips that decodes.
#include "decoder/call_filter.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "codec/picture_file.h"
#include "decoder/sandbox.h"
#include "decoder/start.h"

namespace {
std::function<void()> while_decoding;  // NOLINT(cert-err58-cpp)
}

// Stands in front of libjpeg's function of this name, also for libvips.
extern "C" unsigned jpeg_read_scanlines(void* picture, void* rows, unsigned count) {
  if (while_decoding) while_decoding();
  using Function = unsigned (*)(void*, void*, unsigned);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "jpeg_read_scanlines"));
  return real(picture, rows, count);
}

namespace atelier::decoder {
namespace {

// Whole calls, and calls with some arguments, that the filter lets through. Each entry
// widens the attack surface.
constexpr std::string_view kAllowed[] = {
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "membarrier",
    "futex",
    "rseq",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "exit",
    "exit_group",
    "gettid",
    "sched_getaffinity",
    "restart_syscall",
    "getpid",
    "getcpu",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "getrusage",
    "getrandom",
    "sysinfo",
    "uname",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getppid",
    "close",
    "read",
    "readv",
    "pread64",
    "poll",
    "ppoll",
    "select",
    "pselect6",
#ifdef __SANITIZE_ADDRESS__
    "pipe",
    "pipe2",
#endif
};
constexpr std::string_view kAllowedInPart[] = {
    "mmap",   "mprotect", "clone",    "tgkill",   "prctl", "prlimit64", "sendmsg",
    "sendto", "recvmsg",  "recvfrom", "shutdown", "write", "writev",    "fcntl"};
constexpr int kCallsEnd = 512;

// uretprobe and uprobe belong to the kernel's tracers: newer kernels do not pass them to the filter
// and end a process that calls them.
bool ends_the_process(int number) {
#ifdef __x86_64__
  return number == 335 || number == 336;
#else
  return number < 0;
#endif
}

int failures = 0;

template <class... Arguments>
void expect_refused(const char* what, long number, Arguments... arguments) {
  errno = 0;
  const long result = ::syscall(number, arguments...);
  if (result == 0 && (number == SYS_clone || number == SYS_clone3)) ::_exit(99);  // a new process
  if (result == -1 && (errno == EACCES || errno == ENOSYS)) return;
  ++failures;
  std::fprintf(stderr, "%s is let through: %ld, errno %d\n", what, result, errno);
}

// Every call by its number, with arguments that the kernel itself would refuse in other words.
void try_every_call() {
  for (int number = 0; number < kCallsEnd; ++number) {
    if (ends_the_process(number)) continue;
    char* const name = ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    const std::string_view known = name == nullptr ? "" : name;
    if (std::ranges::find(kAllowed, known) == std::end(kAllowed) &&
        std::ranges::find(kAllowedInPart, known) == std::end(kAllowedInPart)) {
      expect_refused(name == nullptr ? "a call without a name" : name, number, -1L, -1L, -1L, -1L,
                     -1L, -1L);
    }
    std::free(name);
  }
}

void try_others_processes() {
  const pid_t parent = ::getppid();
  expect_refused("tgkill of another process", SYS_tgkill, parent, parent, 0);
  expect_refused("kill of another process", SYS_kill, parent, 0);
  siginfo_t info{};
  info.si_code = SI_QUEUE;
  expect_refused("rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, parent, parent, 0, &info);
  rlimit limit{};
  expect_refused("prlimit of another process", SYS_prlimit64, parent, RLIMIT_CPU, nullptr, &limit);
  const rlimit more{1 << 20, 1 << 20};
  expect_refused("a new limit of its own", SYS_prlimit64, 0, RLIMIT_FSIZE, &more, nullptr);
  expect_refused("clone as fork", SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0L);
  expect_refused("clone with a namespace", SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr,
                 nullptr, 0L);
  expect_refused("signals to an owner", SYS_fcntl, 3, F_SETOWN, parent);
  expect_refused("prctl", SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

void try_code_and_files() {
  constexpr std::size_t kPage = 4096;
  constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  expect_refused("a page to write and execute", SYS_mmap, nullptr, kPage,
                 PROT_READ | PROT_WRITE | PROT_EXEC, kAnonymous, -1, 0L);
  void* page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, kAnonymous, -1, 0);
  expect_refused("mprotect to execute", SYS_mprotect, page, kPage, PROT_READ | PROT_EXEC);
  expect_refused("open", SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
  expect_refused("socket", SYS_socket, AF_INET, SOCK_STREAM, 0);
#ifndef __SANITIZE_ADDRESS__
  expect_refused("write to another descriptor", SYS_write, 1, "x", 1);
#endif
  expect_refused("ioctl on the terminal", SYS_ioctl, 2, 0x5412 /* TIOCSTI */, "x");
}

int status_of_child(const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work() ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

bool filtered(const std::vector<std::string>& measures) {
  return std::ranges::find(measures, kCallFilter) != measures.end();
}

codec::DecodedPicture decode_a_jpeg() {
  codec::EncodeOptions options;
  options.format = "jpeg";
  const media::Image picture{64, 64, 3, std::vector<std::uint8_t>(64 * 64 * 3, 100)};
  return codec::decode_picture(codec::encode_picture(picture, options), {});
}

TEST(CallFilter, HoldsOnTheThreadThatDecodes) {
  EXPECT_EQ(status_of_child([] {
              if (!filtered(start_in_sandbox())) return false;
              int runs = 0;
              while_decoding = [&runs] {
                if (++runs > 1) return;
                if (::gettid() == ::getpid()) ++failures;  // another thread is what this is about
                try_every_call();
                try_others_processes();
                try_code_and_files();
              };
              return decode_a_jpeg().image.has_value() && runs > 0 && failures == 0;
            }),
            0);
}

TEST(CallFilter, AbortEndsTheProcessFromAnyThread) {
  const int status = status_of_child([] {
    start_in_sandbox();
    while_decoding = [] { std::abort(); };
    decode_a_jpeg();
    return true;
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGABRT);
}

#ifdef __x86_64__
TEST(CallFilter, TheNumbersOfAnotherArchitectureEndTheProcess) {
  const int status = status_of_child([] {
    if (!filter_calls()) return false;
    long result = 20;  // getpid
    asm volatile("int $0x80" : "+a"(result)::"memory");
    return true;
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(WTERMSIG(status) == SIGSYS ||
              WTERMSIG(status) == SIGSEGV);  // SEGV: not in the kernel
}
#endif

}  // namespace
}  // namespace atelier::decoder
