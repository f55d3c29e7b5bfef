// The messages between the station and its children. Each request has one reply; notifications have
// none. The station sends the first message, hello; the child replies once it is able to work, or
// with state "missing" or "failed" and the sentence in `problem`, and ends.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "card/model_card_json.h"
#include "card/task.h"
#include "protocol/message.h"

namespace atelier::protocol {

// Raised with every change that an older peer would misread; a different one is refused with a
// sentence.
inline constexpr int kProtocolVersion = 7;

struct Empty {};
BOOST_DESCRIBE_STRUCT(Empty, (), ())

// ---- both children

struct HelloRequest {  // -> HelloReply
  static constexpr std::string_view kMethod = "hello";
  int protocol_version = kProtocolVersion;
  std::string program = "atelier";
};
BOOST_DESCRIBE_STRUCT(HelloRequest, (), (protocol_version, program))

// The engine's report (engine/interface.h) as a message.
struct EngineFacts {
  std::string name;    // "cpu", "cuda", "fake"
  std::string device;  // "cpu", "cuda:0"
  std::string device_name, libtorch, blas, compute_dtype, cpu_capability;
  std::vector<std::string> dtypes;  // in which models compute on its device
  int threads = 0;
  int running_max = 1;  // jobs that it runs at the same time
  double sgemm_gflops = 0;
  std::vector<std::string> problems;  // sentences, with what to do
};
BOOST_DESCRIBE_STRUCT(EngineFacts, (),
                      (name, device, device_name, libtorch, blas, compute_dtype, cpu_capability,
                       dtypes, threads, running_max, sgemm_gflops, problems))

struct HelloReply {
  int protocol_version = kProtocolVersion;
  std::string program;  // "atelier-worker", "atelier-media"
  int pid = 0;
  std::string state =
      "ready";          // "ready"; "missing": no such engine library; "failed": it did not start
  std::string problem;  // a sentence, when not ready
  std::optional<EngineFacts> engine;  // worker only
  std::vector<std::string> tasks;     // worker: ids of the tasks that the engine runs
  std::vector<card::NamedChoice> samplers, schedules;
  std::vector<card::ModelCard> cards;  // built-in models (of the fake engine)
  std::vector<std::string> sandbox;    // decoder: the measures in force, "seccomp", "memory" …
};
BOOST_DESCRIBE_STRUCT(HelloReply, (),
                      (protocol_version, program, pid, state, problem, engine, tasks, samplers,
                       schedules, cards, sandbox))

// Empty when the versions agree; else a sentence with both versions.
std::string version_problem(int theirs, std::string_view program);

// -> Empty; the worker answers at once, also while a job runs, the decoder between pictures.
struct PingRequest {
  static constexpr std::string_view kMethod = "ping";
};
BOOST_DESCRIBE_STRUCT(PingRequest, (), ())

// ---- worker

struct ModelFiles {
  std::string id;
  std::string path_base64;  // a path is bytes and need not be text
};
BOOST_DESCRIBE_STRUCT(ModelFiles, (), (id, path_base64))

ModelFiles model_files(const std::string& id, const std::string& path);
std::string path_of(const ModelFiles& files);  // throws kInvalidArgument

struct InspectRequest {  // -> InspectReply
  static constexpr std::string_view kMethod = "inspect";
  ModelFiles model;
};
BOOST_DESCRIBE_STRUCT(InspectRequest, (), (model))

struct InspectReply {
  card::ModelCard card;
};
BOOST_DESCRIBE_STRUCT(InspectReply, (), (card))

// A picture of an animated one, or the only one of its file.
struct FrameRef {
  PictureRef picture;
  int number = 0;  // in the file, from 0
  int total = 1;   // frames of the file
};
BOOST_DESCRIBE_STRUCT(FrameRef, (), (picture, number, total))

// -> RunReply, after any number of progress, preview and text notifications. A progress
// notification comes first of all: a worker that ends after it ends while this runs. Several may
// run at the same time (EngineFacts::running_max).
struct RunRequest {
  static constexpr std::string_view kMethod = "run";
  std::string job;
  std::string task;                          // id
  boost::json::value input;                  // of the task; names are ids, the seed is drawn
  std::map<std::string, ModelFiles> models;  // by role
  // By role; composited as the task declares, never empty.
  std::map<std::string, std::vector<FrameRef>> attachments;
};
BOOST_DESCRIBE_STRUCT(RunRequest, (), (job, task, input, models, attachments))

struct OutputRef {
  std::string kind;                   // "picture", "text", "labels", …
  std::optional<PictureRef> picture;  // "picture"
  boost::json::value value;           // every other kind
};
BOOST_DESCRIBE_STRUCT(OutputRef, (), (kind, picture, value))

// A model in the memory of the worker's device.
struct ResidentModel {
  std::string id;
  std::int64_t bytes = 0;
};
BOOST_DESCRIBE_STRUCT(ResidentModel, (), (id, bytes))

struct RunReply {
  std::string job;
  std::vector<OutputRef> outputs;
  boost::json::value facts;
  card::Timing timing;
  std::int64_t peak_bytes = 0;        // the most that it needed beside the models; 0: not measured
  std::vector<ResidentModel> models;  // that are in memory now
};
BOOST_DESCRIBE_STRUCT(RunReply, (), (job, outputs, facts, timing, peak_bytes, models))

struct ProgressNotification {
  static constexpr std::string_view kMethod = "progress";
  std::string job;
  card::Progress progress;
};
BOOST_DESCRIBE_STRUCT(ProgressNotification, (), (job, progress))

struct PreviewNotification {
  static constexpr std::string_view kMethod = "preview";
  std::string job;
  PictureRef picture;
};
BOOST_DESCRIBE_STRUCT(PreviewNotification, (), (job, picture))

// A piece of the text that the run makes, UTF-8. The pieces of a run follow one another without a
// gap and have card::kStreamedTextBytesMax bytes at most together.
struct TextNotification {
  static constexpr std::string_view kMethod = "text";
  std::string job;
  std::int64_t offset = 0;  // of the piece, in bytes from the start of the run's text
  std::string text;
};
BOOST_DESCRIBE_STRUCT(TextNotification, (), (job, offset, text))

// From the worker, every second from a thread of its own, from the hello on: the process responds,
// whatever its jobs do.
struct BeatNotification {
  static constexpr std::string_view kMethod = "beat";
};
BOOST_DESCRIBE_STRUCT(BeatNotification, (), ())

// Jobs of one worker that are suspended or asked to be.
inline constexpr int kSuspendedJobsMax = 2;

// To the worker: the job is to wait once its current step can be left. Its place is free from the
// reply notification `suspended` on. A job that ends before that, or whose task cannot wait, sends
// none. One that is unknown or suspended, or would be more than kSuspendedJobsMax, is left alone.
struct SuspendNotification {
  static constexpr std::string_view kMethod = "suspend";
  std::string job;
};
BOOST_DESCRIBE_STRUCT(SuspendNotification, (), (job))

struct SuspendedNotification {  // from the worker
  static constexpr std::string_view kMethod = "suspended";
  std::string job;
  int step = 0;  // whole steps that are kept
};
BOOST_DESCRIBE_STRUCT(SuspendedNotification, (), (job, step))

// To the worker: the job goes on after its last whole step; its place is taken again. Also takes
// back a `suspend` that has had no effect yet.
struct ResumeNotification {
  static constexpr std::string_view kMethod = "resume";
  std::string job;
};
BOOST_DESCRIBE_STRUCT(ResumeNotification, (), (job))

// To the worker. The job then fails with code "cancelled"; one that is not running is left alone.
struct CancelNotification {
  static constexpr std::string_view kMethod = "cancel";
  std::string job;
};
BOOST_DESCRIBE_STRUCT(CancelNotification, (), (job))

struct MemoryRequest {  // -> MemoryReply
  static constexpr std::string_view kMethod = "memory";
};
BOOST_DESCRIBE_STRUCT(MemoryRequest, (), ())

struct MemoryReply {
  std::int64_t device_bytes_total = 0, device_bytes_free = 0;
  std::int64_t process_bytes = 0;  // resident set of the worker
  std::int64_t held_bytes = 0;     // on the device, by the worker: models, runs and freed memory
                                   // that it keeps; 0: unknown
  std::vector<ResidentModel> models;
};
BOOST_DESCRIBE_STRUCT(MemoryReply, (),
                      (device_bytes_total, device_bytes_free, process_bytes, held_bytes, models))

// -> MemoryReply, after the model has left the memory and freed memory has been given back. One
// that is not there is no error; one that a suspended job uses stays.
struct EvictRequest {
  static constexpr std::string_view kMethod = "evict";
  std::string model;  // id
};
BOOST_DESCRIBE_STRUCT(EvictRequest, (), (model))

struct UnloadRequest {  // -> Empty
  static constexpr std::string_view kMethod = "unload";
};
BOOST_DESCRIBE_STRUCT(UnloadRequest, (), ())

// ---- decoder

struct TextEntry {  // a text that a picture's file carries: "parameters", "atelier", "Comment" …
  std::string key, value;
};
BOOST_DESCRIBE_STRUCT(TextEntry, (), (key, value))

struct DecodeRequest {  // -> DecodeReply; the file's bytes are part 0
  static constexpr std::string_view kMethod = "decode";
  std::int64_t max_pixels = 64'000'000;  // more than this in the header is refused before decoding
  int max_side = 0;          // > 0: the picture is shrunk to fit, keeping its shape (thumbnails)
  bool header_only = false;  // size, format and texts without pixels
  // What becomes of transparent parts: "" keeps them, "#rrggbb" composites them on that colour, so
  // that the reply's picture is RGB.
  std::string matte;
  // Of an animated picture: that many, evenly spread, fewer where they have more than `max_pixels`
  // together. More than one not together with `max_side`.
  int frames_max = 1;
};
BOOST_DESCRIBE_STRUCT(DecodeRequest, (), (max_pixels, max_side, header_only, matte, frames_max))

struct DecodeReply {
  std::optional<PictureRef> picture;  // RGB or RGBA, 8 bits, turned upright; absent for header_only
  std::vector<FrameRef> later_frames;  // of an animated picture, in their order
  std::string format;                  // "png", "jpeg", "webp", "gif", "tiff", "heif"
  int frames_total = 1;                // of the file; 1 where it is not animated
  int width = 0, height = 0;           // upright, before any shrinking
  std::vector<TextEntry> texts;
};
BOOST_DESCRIBE_STRUCT(DecodeReply, (),
                      (picture, later_frames, format, frames_total, width, height, texts))

struct EncodeRequest {  // -> EncodeReply
  static constexpr std::string_view kMethod = "encode";
  PictureRef picture;
  std::string format = "png";  // "png", "jpeg", "webp"
  int quality = 90;            // jpeg, webp
  int compression = 6;         // png: 0 fast … 9 small
  std::vector<TextEntry>
      texts;  // png: text chunks; jpeg and webp: "parameters" as EXIF UserComment
};
BOOST_DESCRIBE_STRUCT(EncodeRequest, (), (picture, format, quality, compression, texts))

struct EncodeReply {  // the file's bytes are part 0
  std::string media_type;
};
BOOST_DESCRIBE_STRUCT(EncodeReply, (), (media_type))

}  // namespace atelier::protocol
