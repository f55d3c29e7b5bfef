#include "decoder/call_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "platform/process.h"

namespace atelier::decoder {
namespace {

// Found by tracing every format in and out, in programs with and without sanitizers; the rest is
// what other versions of the C library use for the same work.
constexpr const char* kAllowed[] = {
    // memory
    "brk", "munmap", "mremap", "madvise", "membarrier",
    // threads
    "futex", "set_robust_list", "rseq", "set_tid_address", "sched_yield", "sched_getaffinity",
    "exit", "exit_group", "restart_syscall", "gettid", "getpid", "getcpu",
    // signals of its own: handlers, and the way to end after one
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    // time
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "times", "getrusage",
    // facts about the machine and itself
    "getrandom", "sysinfo", "uname", "getuid", "geteuid", "getgid", "getegid", "getppid",
    // descriptors: it has its socket, and nothing can be opened
    "close", "read", "readv", "pread64", "poll", "ppoll", "select", "pselect6"};

// These fail with EPERM; all others fail with ENOSYS, as on a system without the call, because
// libraries have fallbacks for that.
constexpr const char* kRefused[] = {
    "open",       "openat", "openat2", "creat",     "stat",       "lstat",    "fstat",
    "newfstatat", "statx",  "access",  "faccessat", "faccessat2", "readlink", "readlinkat",
    "getcwd",     "socket", "connect", "bind",      "execve",     "execveat", "fork",
    "vfork",      "kill",   "tkill",   "getdents64"};

constexpr scmp_datum_t kInt = 0xffff'ffff;  // the kernel reads no more of an int

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(ENOSYS))) {}
  ~Filter() {
    if (context_ != nullptr) ::seccomp_release(context_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  // Where all conditions on its arguments hold.
  void allow(const char* call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    add(SCMP_ACT_ALLOW, call, conditions);
  }
  void refuse(const char* call) { add(SCMP_ACT_ERRNO(EACCES), call, {}); }

  bool load_on_every_thread() {
    // A call by the numbers of another architecture would pass by this list.
    set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    set(SCMP_FLTATR_CTL_TSYNC, 1);
    return good_ && ::seccomp_load(context_) == 0;
  }

 private:
  void add(std::uint32_t action, const char* call, std::initializer_list<scmp_arg_cmp> conditions) {
    const int number = ::seccomp_syscall_resolve_name(call);
    if (number < 0) return;  // not on this architecture
    good_ =
        good_ && context_ != nullptr &&
        ::seccomp_rule_add_array(context_, action, number, static_cast<unsigned>(conditions.size()),
                                 conditions.begin()) == 0;
  }
  void set(scmp_filter_attr attribute, std::uint32_t value) {
    good_ = good_ && context_ != nullptr && ::seccomp_attr_set(context_, attribute, value) == 0;
  }

  const scmp_filter_ctx context_;
  bool good_ = true;
};

scmp_arg_cmp argument(unsigned index, scmp_datum_t mask, scmp_datum_t value) {
  return {index, SCMP_CMP_MASKED_EQ, mask, value};
}

void allow_memory(Filter& filter) {
  for (const char* call : {"mmap", "mprotect"}) filter.allow(call, {argument(2, PROT_EXEC, 0)});
}

void allow_threads(Filter& filter) {
  // Threads and no processes. clone3 hides its flags in memory: without it glibc takes clone.
  constexpr scmp_datum_t kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
  constexpr scmp_datum_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                       CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE |
                                       CLONE_PIDFD;
  filter.allow("clone", {argument(0, kThread | kNamespaces, kThread)});
  filter.allow("tgkill", {argument(0, kInt, static_cast<scmp_datum_t>(::getpid()))});  // abort()
  filter.allow("prctl", {argument(0, kInt, PR_SET_NAME)});
  filter.allow("prctl", {argument(0, kInt, PR_GET_NAME)});
  filter.allow("prctl", {argument(0, kInt, PR_GET_SECCOMP)});
  filter.allow("prctl", {argument(0, kInt, PR_SET_VMA)});
}

void allow_limits(Filter& filter) {
  // Its own: to read them, and to begin the next request's processor time.
  const scmp_arg_cmp own = argument(0, kInt, 0);
  filter.allow("prlimit64", {own, argument(2, ~scmp_datum_t{0}, 0)});
  filter.allow("prlimit64", {own, argument(1, kInt, RLIMIT_CPU)});
}

void allow_descriptors(Filter& filter) {
  const scmp_arg_cmp socket = argument(0, kInt, platform::kChildSocket);
  for (const char* call : {"sendmsg", "sendto", "recvmsg", "recvfrom", "shutdown"}) {
    filter.allow(call, {socket});
  }
  for (const char* call : {"write", "writev"}) {
    filter.allow(call, {socket});
    filter.allow(call, {argument(0, kInt, STDERR_FILENO)});
  }
  // Not the owner of signals, which could be another process.
  for (const int command : {F_GETFD, F_GETFL, F_SETFL}) {
    filter.allow("fcntl", {argument(1, kInt, static_cast<scmp_datum_t>(command))});
  }
}

#ifdef __SANITIZE_ADDRESS__
// The undefined behaviour sanitizer finds out whether memory is there by writing it into a pipe.
void allow_sanitizers(Filter& filter) {
  for (const char* call : {"pipe", "pipe2", "write"}) filter.allow(call);
}
#else
void allow_sanitizers(Filter&) {}
#endif

}  // namespace

bool filter_calls() {
  Filter filter;
  for (const char* call : kAllowed) filter.allow(call);
  for (const char* call : kRefused) filter.refuse(call);
  allow_memory(filter);
  allow_threads(filter);
  allow_limits(filter);
  allow_descriptors(filter);
  allow_sanitizers(filter);
  return filter.load_on_every_thread();
}

}  // namespace atelier::decoder
