#include "decoder/sandbox.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <ctime>

#include "decoder/call_filter.h"
#include "decoder/isolation.h"
#include "decoder/thread_statuses.h"

namespace atelier::decoder {
namespace {

bool limit(__rlimit_resource resource, rlim_t value) {
  const rlimit both{value, value};
  rlimit now{};
  return ::setrlimit(resource, &both) == 0 && ::getrlimit(resource, &now) == 0 &&
         now.rlim_cur == value && now.rlim_max == value;
}

bool set_limits(const SandboxLimits& limits) {
  // A write that RLIMIT_FSIZE forbids, such as a library's warning where standard error is a file,
  // fails and does not end the process.
  ::signal(SIGXFSZ, SIG_IGN);
  bool done = limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) &&
              limit(RLIMIT_NOFILE, static_cast<rlim_t>(limits.open_files));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The sanitizers' shadow memory counts as data.
  done = limit(RLIMIT_DATA, static_cast<rlim_t>(limits.data_bytes)) && done;
#endif
  return done;
}

bool without_capabilities(const ThreadStatuses& threads) {
  for (const char* set : {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"}) {
    if (!threads.all_say(std::string(set) + "\t0000000000000000")) return false;
  }
  return true;
}

// The kernel refuses to synchronise when one thread cannot take the filter; where /proc is mounted
// the status of each thread is checked, too.
bool filtered(bool loaded, const ThreadStatuses& threads) {
  return loaded && ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER &&
         (threads.count() == 0 || threads.all_say("Seccomp:\t2"));
}

}  // namespace

std::vector<std::string> enter_sandbox(const SandboxLimits& limits,
                                       const std::function<void()>& prepare) {
  std::vector<std::string> measures;
  const auto note = [&measures](std::string_view name, bool holds) {
    if (holds) measures.emplace_back(name);
  };
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  note("limits", set_limits(limits));
  const Namespaces namespaces = enter_namespaces();
  drop_capabilities();
  prepare();
  const ThreadStatuses threads;  // opened while files can be
  const bool no_files = leave_the_file_system();
  const bool loaded = filter_calls();
  // What one thread has left, those that it starts later do not have either.
  const bool alone = threads.count() == 1;
  note("user_namespace", namespaces.user && alone);
  note("network_namespace", namespaces.network && alone);
  note("no_new_privs", threads.all_say("NoNewPrivs:\t1"));
  note("capabilities", without_capabilities(threads));
  note("landlock", no_files && alone);
  note(kCallFilter, filtered(loaded, threads));
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
