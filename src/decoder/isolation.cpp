#include "decoder/isolation.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace atelier::decoder {
namespace {

// Inode of a file of /proc/self/ns; 0 where that is not there.
ino_t namespace_of(const char* file) {
  struct stat found{};
  return ::stat(file, &found) == 0 ? found.st_ino : 0;
}

bool differs(ino_t before, ino_t now) { return before != 0 && now != 0 && before != now; }

// linux/landlock.h of Debian 12 ends at version 2 of the interface.
struct LandlockRules {
  std::uint64_t files, network, scopes;
};
constexpr std::uint32_t kAskVersion = 1;

LandlockRules landlock_rules(long version) {
  LandlockRules rules{};
  int kinds_of_access = 13;             // version 1: execute, read, write, make, remove
  if (version >= 2) ++kinds_of_access;  // refer
  if (version >= 3) ++kinds_of_access;  // truncate
  if (version >= 5) ++kinds_of_access;  // ioctl
  rules.files = (std::uint64_t{1} << kinds_of_access) - 1;
  if (version >= 4) rules.network = 3;  // bind and connect
  if (version >= 6) rules.scopes = 3;   // abstract sockets and signals
  return rules;
}

std::size_t landlock_rules_size(long version) {
  return sizeof(std::uint64_t) * (version >= 6 ? 3U : version >= 4 ? 2U : 1U);
}

bool can_open_root() {
  const int root = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root >= 0) ::close(root);
  return root >= 0;
}

}  // namespace

Namespaces enter_namespaces() {
  constexpr auto kUser = "/proc/self/ns/user";
  constexpr auto kNetwork = "/proc/self/ns/net";
  const ino_t user = namespace_of(kUser);
  const ino_t network = namespace_of(kNetwork);
  // Root may have a network of its own also where it may not have a user namespace (a chroot).
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) ::unshare(CLONE_NEWNET);
  return {differs(user, namespace_of(kUser)), differs(network, namespace_of(kNetwork))};
}

void drop_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
  ::syscall(SYS_capset, &header, none);
}

bool leave_the_file_system() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kAskVersion);
  if (version < 1) return false;
  const LandlockRules rules = landlock_rules(version);
  const auto ruleset = static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, &rules, landlock_rules_size(version), 0));
  if (ruleset < 0 || !can_open_root()) return false;
  const bool done = ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  ::close(ruleset);
  return done && !can_open_root() && errno == EACCES;
}

}  // namespace atelier::decoder
