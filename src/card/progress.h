// The progress of a job, and a named choice of the engine (sampler, schedule): plain values shared
// by engine, protocol, station and API.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace atelier::card {

// Of the text that one run streams, as UTF-8: some 65,000 tokens of a language model. The station
// holds it in memory while the job runs, and a reader of its events that falls behind as well.
inline constexpr std::size_t kStreamedTextBytesMax = 256 << 10;

struct Progress {
  std::string stage;  // "load", "encode", "denoise", "decode", or what the task counts: "tile"
  int step = 0, total = 0;  // done; of how many. Reported before the first one too
  double eta_seconds = 0;   // of the whole job, as far as known; 0: unknown
  double steps_per_second = 0;
};

// One sampler or schedule.
struct NamedChoice {
  std::string id;                    // canonical id: "dpmpp_2m", "karras"
  std::string title;                 // "DPM++ 2M"
  bool available = false;            // false: known by name, not implemented yet
  std::vector<std::string> aliases;  // other dialects' spellings
};

}  // namespace atelier::card
