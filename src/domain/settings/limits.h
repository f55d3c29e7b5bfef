// Limits on everything, named, each with its reason. Plain constants; settings may lower some of
// them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace atelier::domain::limits {

// Pictures.
inline constexpr std::int64_t kPicturePixelsMax =
    200'000'000;  // 600 MB as RGB, refused by the header
inline constexpr std::size_t kPictureBytesMax = std::size_t{512} << 20;  // an upload
inline constexpr int kDecoders = 2;                         // one may be slow while the other works
inline constexpr std::chrono::seconds kPictureTimeout{60};  // a decoder that takes longer is killed
// Ping of an idle decoder before a picture is sent to it: a decoder that was stopped from outside
// is replaced, and the picture is not charged for it.
inline constexpr std::chrono::seconds kIdleDecoderPatience{10};

// Connections of clients at the same time, each with up to 1 MB of memory. The least leaves some
// beside those that are kept for /health and the page.
inline constexpr int kConnections = 512;
inline constexpr int kConnectionsMin = 32;

// The queue.
inline constexpr int kQueuedMax = 64;  // per priority; beyond it "Queue is full"
// An idempotency key of a request: as long as those of other services, and remembered for a day, in
// which a client that lost its connection has come back.
inline constexpr std::size_t kRequestKeyBytesMax = 255;
inline constexpr std::chrono::hours kRequestKeyKept{24};
// Ended jobs that one request runs again: they are accepted in less than a minute.
inline constexpr int kRepeatsMax = 100;
// Waiting jobs that one call of the planner considers, of each priority: the oldest, and of so many
// clients so many each. Reading them takes less than 2 ms behind 100,000 waiting jobs.
inline constexpr int kWindowOldest = 32;
inline constexpr int kWindowClients = 16;
inline constexpr int kWindowJobsOfClient = 8;
// Ended jobs in the database: some 300 MB with usual prompts. Lists are read from indexes and stay
// fast; the page finds pictures by their jobs, so that there is no limit by age.
inline constexpr int kEndedJobsStored = 100'000;
// No job is deleted within a day of its end, so that its client learns of it, and the key of its
// request is remembered.
inline constexpr std::chrono::hours kEndedJobAgeMin{24};
// Interval at which old ended jobs are looked for.
inline constexpr std::chrono::minutes kPruneEvery{10};
// Ended jobs that are deleted in one transaction: other writes wait for it.
inline constexpr int kPruneBatch = 200;
// Weights of a model whose short jobs run on the light worker, beside the main worker's models: the
// largest published tagger has 400 MB.
inline constexpr std::int64_t kLightModelBytesMax = std::int64_t{512} << 20;
// Memory. Where no budget is set, models and runs may take this part of a processor's memory, and
// of another device, whose driver needs some: the rest of a processor's is for the system, the
// station, decoders and the files' cache.
inline constexpr std::string_view kProcessorDevice = "cpu";
inline constexpr double kBudgetPartOfRam = 0.75;
inline constexpr double kBudgetPartOfDevice = 0.94;
// Decisions of the plan that are kept for people to read: some minutes of a busy station.
inline constexpr std::size_t kDecisionsKept = 100;
// Interval at which new measurements of memory and time are stored: losing some is harmless.
inline constexpr std::chrono::seconds kWriteCosts{5};
inline constexpr int kAttemptsMax = 2;  // a job that ended its worker twice fails
// The worker beats from a thread of its own, whatever its jobs do. A process that sends nothing for
// ten beats was stopped (SIGSTOP, a debugger) or is locked up: it is replaced.
inline constexpr std::chrono::seconds kSilenceMax{10};
// …except while it waits for the disk: a machine that swaps can delay it for so long.
inline constexpr std::chrono::seconds kSwappingSilenceMax{60};
// A job without a message from the worker for this long hangs in the engine or in a lost file
// system: a step of the largest picture on a slow processor takes minutes, and so does loading 7 GB
// from a slow disk.
inline constexpr std::chrono::seconds kJobSilenceMax{1800};
// Where the time between two messages was measured before, so many times the slowest one is
// allowed, and at least two minutes: another program may take the processors meanwhile.
inline constexpr int kSlowestTimes = 20;
inline constexpr std::chrono::seconds kMeasuredJobSilenceMin{120};
// Loading libtorch and probing the processor takes seconds, also on a busy machine.
inline constexpr std::chrono::seconds kGreetingPatience{120};
// So long the first start of a worker waits for that of the one before it, which may hang.
inline constexpr std::chrono::seconds kStartTurn{15};
// Bytes of messages that wait to be sent to a worker: the pictures of one job.
inline constexpr std::size_t kOutboxBytesMax = std::size_t{2} << 30;
// How many ends of a worker before the job was reported as begun are not counted as attempts: the
// transfer of the job itself may have caused them.
inline constexpr int kUncountedEndsMax = 2;
// A job that ran during this many crashes of the station is not started again automatically: fewer
// may be power cuts.
inline constexpr int kStationCrashesMax = 3;
inline constexpr std::chrono::seconds kCancelPatience{10};         // then the worker is killed
inline constexpr std::chrono::milliseconds kRestartDelayMin{100};  // of a worker that ended
inline constexpr std::chrono::milliseconds kRestartDelayMax{30'000};
// Of the start for the first reading of the GPUs: the driver takes seconds for each where it was
// not in use before.
inline constexpr std::chrono::seconds kGpusPatience{20};
inline constexpr std::chrono::seconds kModelsPatience{
    30};  // a request waits for the first model scan
// Of a refresh, which is then answered with the previous list.
inline constexpr std::chrono::seconds kRefreshPatience{10};
// Of a request to free memory: it is answered within a second with the progress so far.
inline constexpr std::chrono::milliseconds kUnloadPatience{500};
inline constexpr std::chrono::milliseconds kStopPatience{1'000};  // children may end by themselves

// Of running jobs, when the station is asked to stop: short ones end, and service managers, of
// which some kill after 10 s, are not kept waiting. A setting.
inline constexpr int kDrainSeconds = 5;

// Interval at which the outcome of a job is written again after a failed write.
inline constexpr std::chrono::milliseconds kWriteAgain{1'000};
// Event ids that are reserved in the database at once: a write in weeks, and room for a million
// starts below the 2^53 that JavaScript counts to.
inline constexpr std::int64_t kEventsReserved = 1'000'000'000;

// Kept in memory for clients that follow jobs.
inline constexpr std::size_t kEventsPerJob = 256;  // newest; states are never dropped
// …fewer for jobs with long prompts: each event contains the whole job, which may take 130 KB.
inline constexpr std::size_t kEventBytesPerJob = 4 << 20;
inline constexpr std::size_t kEndedJobsKept =
    200;  // with their events; older ones from the database
// Beyond so many jobs in memory, one that comes is read from the database when it is needed: a
// hundred thousand that wait would take hundreds of megabytes.
inline constexpr std::size_t kJobsShown = 1000;
inline constexpr std::size_t kEndedJobBytesKept = 32 << 20;  // of their events
inline constexpr int kRecentJobsMax = 500;                   // one answer

}  // namespace atelier::domain::limits
