// atelier-worker: owns one device. Started by the station with a socket on descriptor 3; loads an
// engine library, sends its hello, works until the socket closes.
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>

#include "platform/error.h"
#include "platform/log.h"
#include "platform/process.h"
#include "platform/system.h"
#include "worker/beat.h"
#include "worker/engine_library.h"
#include "worker/fake_engine.h"
#include "worker/options.h"
#include "worker/session.h"

namespace atelier::worker {
namespace {

// When memory runs out, the kernel should kill the worker, which can be replaced, instead of the
// station.
constexpr const char* kOutOfMemoryScore = "500";

EnginePtr make_engine(const Options& options) {
  if (options.engine == "fake") {
    return {make_fake_engine(read_fake_switches(options.fake)).release(),
            [](engine::Engine* engine) { delete engine; }};
  }
  engine::EngineOptions engine_options;
  engine_options.device = options.device;
  if (options.device.empty()) {
    engine_options.device = options.engine.find("cuda") == std::string::npos ? "cpu" : "cuda";
  }
  engine_options.threads = options.threads;
  engine_options.assets_path = options.assets;
  return load_engine(find_engine_library(options.engine, platform::program_folder()),
                     engine_options);
}

// Paths of this machine are not sent to clients.
std::string engine_name(const Options& options) {
  return std::filesystem::path(options.engine).filename().string();
}

void describe_engine(engine::Engine& engine, const Options& options, protocol::HelloReply& hello) {
  const engine::EngineReport report = engine.report();
  hello.engine = protocol::EngineFacts{.name = engine_name(options),
                                       .device = report.device,
                                       .device_name = report.device_name,
                                       .libtorch = report.libtorch,
                                       .blas = report.blas,
                                       .compute_dtype = report.compute_dtype,
                                       .cpu_capability = report.cpu_capability,
                                       .dtypes = report.dtypes,
                                       .threads = report.threads,
                                       .running_max = report.running_max,
                                       .sgemm_gflops = report.sgemm_gflops,
                                       .problems = report.problems};
  hello.tasks = engine.tasks();
  hello.samplers = engine.samplers();
  hello.schedules = engine.schedules();
  if (options.engine == "fake") hello.cards = {fake_card()};
}

// Reads the station's hello. Empty when the station has closed the socket.
std::optional<std::int64_t> receive_hello(protocol::Channel& channel) {
  auto frame = channel.receive();
  if (!frame) return std::nullopt;
  const protocol::Message message = protocol::read_message(std::move(*frame));
  if (message.method != protocol::HelloRequest::kMethod) {
    throw Error(ErrorCode::kCorruptData, "the first message of the station was not a hello");
  }
  const auto request = message.body_as<protocol::HelloRequest>();
  const std::string problem = protocol::version_problem(request.protocol_version, request.program);
  if (!problem.empty()) {
    channel.send(protocol::failure_frame(message.id, Error(ErrorCode::kUnsupported, problem)));
    throw Error(ErrorCode::kUnsupported, problem);
  }
  return message.id;
}

// The engine; empty after the reply to the hello has reported why there is none.
EnginePtr start_engine(const Options& options, protocol::HelloReply& hello) {
  try {
    EnginePtr engine = make_engine(options);
    describe_engine(*engine, options, hello);
    return engine;
  } catch (const std::exception& error) {
    const auto* ours = dynamic_cast<const Error*>(&error);
    const bool missing = ours != nullptr && ours->code() == ErrorCode::kNotFound;
    hello.state = missing ? "missing" : "failed";
    hello.problem = error.what();
    return nullptr;
  }
}

int run(Options options) {
  options.engine =
      choose_engine(options.engine, platform::program_folder(), platform::nvidia_driver_loaded());
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(options.fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "descriptor " + std::to_string(options.fd) +
                    " is not a socket: this program is started by atelier, run 'atelier serve'");
  }
  protocol::Channel channel(options.fd);
  const auto hello_id = receive_hello(channel);
  if (!hello_id) return kExitOk;

  protocol::HelloReply hello;
  hello.program = "atelier-worker";
  hello.pid = ::getpid();
  const EnginePtr engine = start_engine(options, hello);
  channel.send(protocol::result_frame(*hello_id, hello));
  if (!engine) return kExitNoEngine;
  const Beat beat(channel);
  return Session(channel, *engine).run();
}

void prefer_as_victim() { std::ofstream("/proc/self/oom_score_adj") << kOutOfMemoryScore; }

}  // namespace
}  // namespace atelier::worker

int main(int count, char** arguments) {
  using namespace atelier;
  // Read by the OpenMP library when the engine brings it in. Spinning threads would take the cores
  // from the station and from the BLAS.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  ::signal(
      SIGINT,
      SIG_IGN);  // Ctrl-C in a terminal reaches all three programs; the station ends the others
  worker::prefer_as_victim();
  try {
    const std::span<const char* const> all(arguments, static_cast<std::size_t>(count));
    const auto options = worker::read_options(all.subspan(1));
    if (options.help.empty()) return worker::run(options);
    std::fputs(options.help.c_str(), stdout);
    return worker::kExitOk;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "atelier-worker: %s\n",
                 atelier::platform::without_control_characters(error.what()).c_str());
    return worker::kExitBadStart;
  }
}
