// Lets long work end early. A run installs the function that is to be called between parts of its
// work (PollScope); what takes long calls poll() where it can be left: a convolution or an
// attention between rounds of pixels, a text encoder between layers, a model that is loaded between
// tensors. What the function throws passes through that work, which keeps nothing of what it has
// done. Per thread, outside of parallel regions.
#pragma once

#include <functional>
#include <utility>

namespace atelier::engine {

// Calls the function of the innermost scope of this thread; no effect where there is none.
void poll();

class PollScope {
 public:
  // An empty function leaves that of the scope around this one in force.
  explicit PollScope(std::function<void()> function);
  ~PollScope();
  PollScope(const PollScope&) = delete;
  PollScope& operator=(const PollScope&) = delete;

 private:
  const std::function<void()> function_;
  const std::function<void()>* outer_;
};

}  // namespace atelier::engine
