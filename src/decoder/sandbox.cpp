#include "decoder/sandbox.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <ctime>

#ifdef ATELIER_SECCOMP
#include <seccomp.h>
#endif

namespace atelier::decoder {
namespace {

bool limit(__rlimit_resource resource, rlim_t value) {
  const rlimit both{value, value};
  return ::setrlimit(resource, &both) == 0;
}

bool set_limits(const SandboxLimits& limits) {
  bool done = limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) &&
              limit(RLIMIT_NOFILE, static_cast<rlim_t>(limits.open_files));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The sanitizers' shadow memory counts as data.
  done = limit(RLIMIT_DATA, static_cast<rlim_t>(limits.data_bytes)) && done;
#endif
  return done;
}

#ifdef ATELIER_SECCOMP

// A refused call fails instead of ending the process: libraries try many things and live without.
constexpr const char* kRefused[] = {
    // files: everything that is needed was opened at start
    "open",
    "openat",
    "openat2",
    "creat",
    "open_by_handle_at",
    "memfd_create",
    "truncate",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "mknod",
    "mknodat",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "chdir",
    "fchdir",
    "chroot",
    "pivot_root",
    "mount",
    "umount2",
    "name_to_handle_at",
    "inotify_init",
    "inotify_init1",
    "fanotify_init",
    "swapon",
    // network: the one socket is open already
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    // programs and other processes
    "execve",
    "execveat",
    "fork",
    "vfork",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "kill",
    "tkill",
    "pidfd_open",
    "pidfd_getfd",
    "pidfd_send_signal",
    "rt_sigqueueinfo",
    "unshare",
    "setns",
    // the kernel's large surfaces
    "bpf",
    "perf_event_open",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "userfaultfd",
    "keyctl",
    "add_key",
    "request_key",
    "init_module",
    "finit_module",
    "kexec_load",
    "personality",
    "shmget",
    "shmat",
    "msgget",
    "semget",
    "mq_open",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "capset",
};

bool add_rules(scmp_filter_ctx filter) {
  for (const char* name : kRefused) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) continue;  // not on this architecture
    const int error = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), number, 0);
    if (error != 0 && error != -EDOM && error != -EFAULT) return false;
  }
  // Threads may be made, processes not. clone3 hides its flags in memory, so glibc is sent to
  // clone.
  const int threads_only = ::seccomp_rule_add(
      filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(clone), 1,
      SCMP_A0(SCMP_CMP_MASKED_EQ, static_cast<scmp_datum_t>(CLONE_THREAD), scmp_datum_t{0}));
  return threads_only == 0 &&
         ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

bool filter_calls() {
  const scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) return false;
  const bool done = add_rules(filter) && ::seccomp_load(filter) == 0;
  ::seccomp_release(filter);
  return done;
}

#else

bool filter_calls() { return false; }

#endif

}  // namespace

std::vector<std::string> enter_sandbox(const SandboxLimits& limits) {
  std::vector<std::string> measures;
  if (set_limits(limits)) measures.emplace_back("limits");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) measures.emplace_back("no_new_privs");
  if (filter_calls()) measures.emplace_back("seccomp");
  return measures;
}

void allow_cpu_seconds(int seconds) {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  rlimit current{};
  if (::getrlimit(RLIMIT_CPU, &current) != 0) return;
  current.rlim_cur = static_cast<rlim_t>(used.tv_sec + 1 + seconds);
  ::setrlimit(RLIMIT_CPU, &current);
}

}  // namespace atelier::decoder
