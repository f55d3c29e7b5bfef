// Replays a trace with plan_next and with two simple policies, and prints a table in Markdown:
//   atelier-bench-scheduler-sim [--jobs 100000] [--devices 1,4,16,64] [--load 0.85] [--memory-gb N]
//   [--seed 1]
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "bench/scheduler_sim/simulation.h"
#include "bench/scheduler_sim/trace.h"

namespace {

using namespace atelier::scheduler_sim;

struct Options {
  TraceOptions trace;
  std::vector<int> devices = {1, 4, 16, 64};
};

bool read(int argc, char** argv, Options& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--jobs") {
      options.trace.jobs = std::atoi(value.c_str());
    } else if (name == "--load") {
      options.trace.load = std::atof(value.c_str());
    } else if (name == "--memory-gb") {
      options.trace.memory_gb = std::atoi(value.c_str());
    } else if (name == "--seed") {
      options.trace.seed = static_cast<unsigned>(std::atoi(value.c_str()));
    } else if (name == "--devices") {
      options.devices.clear();
      std::istringstream list(value);
      for (std::string item; std::getline(list, item, ',');) {
        options.devices.push_back(std::atoi(item.c_str()));
      }
    } else {
      return false;
    }
  }
  bool usable = argc % 2 == 1 && options.trace.jobs > 0 && options.trace.load > 0;
  for (const int devices : options.devices) usable &= devices > 0;
  return usable;
}

double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }

void print_row(int devices, Policy policy, const Result& result) {
  std::printf("| %d | %s |", devices, std::string(policy_name(policy)).c_str());
  for (std::size_t tier = result.waits_ms.size(); tier-- > 0;) {
    const auto& waits = result.waits_ms[tier];
    std::printf(" %.1f / %.1f / %.1f |", seconds(percentile(waits, 0.5)),
                seconds(percentile(waits, 0.95)), seconds(percentile(waits, 1)));
  }
  std::printf(" %ld | %ld | %.1f %% | %.1f %% |", static_cast<long>(result.loads),
              static_cast<long>(result.yields), 100 * result.utilisation, 100 * result.useful);
  if (policy == Policy::kPlan) {
    std::printf(" %.0f / %.0f µs | %.0f s |",
                static_cast<double>(percentile(result.plan_ns, 0.5)) / 1000,
                static_cast<double>(percentile(result.plan_ns, 0.99)) / 1000,
                seconds(result.background_stall_ms));
  } else {
    std::printf(" – | %.0f s |", seconds(result.background_stall_ms));
  }
  std::printf("%s\n", result.unfinished == 0 ? "" : " JOBS WERE LOST");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: %s [--jobs N] [--devices N,N,…] [--load SHARE] [--memory-gb N] [--seed "
                 "N]: numbers above "
                 "0, for example --devices 1,4 --load 0.85\n",
                 argv[0]);
    return 2;
  }
  std::printf(
      "| devices | policy | P3 wait, s (median / p95 / longest) | P2 | P1 | P0 | model loads | "
      "yields | busy | without loads | planning (median / p99) | longest P0 stall |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const int devices : options.devices) {
    options.trace.devices = devices;
    const auto trace = make_trace(options.trace);
    for (const auto policy : {Policy::kFifo, Policy::kStrict, Policy::kPlan}) {
      print_row(devices, policy, simulate(trace, policy));
    }
  }
  return 0;
}
