// Limits on everything, named, each with its reason. Plain constants; settings may lower some of
// them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace atelier::domain::limits {

// Pictures.
inline constexpr std::int64_t kPicturePixelsMax =
    200'000'000;  // 600 MB as RGB, refused by the header
inline constexpr std::size_t kPictureBytesMax = std::size_t{512} << 20;  // an upload
inline constexpr int kDecoders = 2;  // one may be slow while the other serves
inline constexpr std::chrono::seconds kPictureTimeout{60};  // a decoder that takes longer is killed
// Of a decoder that does nothing, before a picture is given to it: only one that was stopped from
// outside needs longer, and the picture is not to blame.
inline constexpr std::chrono::seconds kIdleDecoderPatience{10};

// The queue.
inline constexpr int kQueuedMax = 64;    // per priority; beyond it "Queue is full"
inline constexpr int kQueueWindow = 32;  // jobs that one planning looks at
inline constexpr int kAttemptsMax = 2;   // a job that ended its worker twice is to blame itself
// A worker that stopped (SIGSTOP, a swapping machine) is replaced: its reader's thread answers
// pings also while a picture is made, so no slow machine needs this long.
inline constexpr std::chrono::seconds kPingEvery{5};
inline constexpr std::chrono::seconds kPingPatience{60};
// A job of which the worker says nothing for so long has hung in the engine, or in a file system
// that is gone: a step of the largest picture on a slow processor takes minutes.
inline constexpr std::chrono::seconds kJobSilenceMax{1800};
// Loading libtorch and probing the processor takes seconds on a busy machine, not minutes.
inline constexpr std::chrono::seconds kGreetingPatience{120};
// Messages that wait for a worker to take them: the pictures of one job, which are all that is on
// their way to it at a time.
inline constexpr std::size_t kOutboxBytesMax = std::size_t{2} << 30;
// How often a job may stand by at the end of a worker before the end counts as one of its attempts:
// what ends a worker while it is handed over, without a word that it began, may be the job itself.
inline constexpr int kStoodByMax = 2;
// A job that ran at so many crashes of the station itself is not started again by itself: two may
// be power cuts.
inline constexpr int kStationCrashesMax = 3;
inline constexpr std::chrono::seconds kCancelPatience{10};         // then the worker is killed
inline constexpr std::chrono::milliseconds kRestartDelayMin{100};  // of a worker that died
inline constexpr std::chrono::milliseconds kRestartDelayMax{30'000};
inline constexpr std::chrono::seconds kModelsPatience{
    30};  // a request waits for the first model scan
// Of a refresh, which then answers with what is known.
inline constexpr std::chrono::seconds kRefreshPatience{10};
// Of a client who frees memory: it hears within a second how far that is.
inline constexpr std::chrono::milliseconds kUnloadPatience{500};
inline constexpr std::chrono::milliseconds kStopPatience{1'000};  // children may end by themselves

// What became of a job is written again so often when the disk did not take it.
inline constexpr std::chrono::milliseconds kWriteAgain{1'000};
// Event ids that are reserved in the database at once: a write in weeks, and room for a million
// starts below the 2^53 that JavaScript counts to.
inline constexpr std::int64_t kEventsReserved = 1'000'000'000;

// What is kept in memory for people who look.
inline constexpr std::size_t kEventsPerJob = 256;  // newest; states are never dropped
// …of a job with long prompts fewer: each event has the whole job, which may take 130 KB.
inline constexpr std::size_t kEventBytesPerJob = 4 << 20;
inline constexpr std::size_t kEndedJobsKept =
    200;  // with their events; older ones from the database
inline constexpr std::size_t kEndedJobBytesKept = 32 << 20;  // of their events
inline constexpr int kRecentJobsMax = 500;                   // one answer

}  // namespace atelier::domain::limits
