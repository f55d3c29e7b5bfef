// What a process can give up without a filter: the network, the privileges of its user, the file
// system. Linux gives it up for one thread at a time, so these are called while there is only one.
// What a system does not have (chroots, containers, old kernels) is left out: each function says
// whether what it is named after was seen to hold. Called by sandbox.cpp; nothing throws.
#pragma once

namespace atelier::decoder {

struct Namespaces {
  bool user = false, network = false;  // this process is in one of its own
};
Namespaces enter_namespaces();

// All of them, those that root has included. The result is read from the thread's status.
void drop_capabilities();

// No file can be opened or made any more, no TCP port used, no process outside signalled.
bool leave_the_file_system();

}  // namespace atelier::decoder
