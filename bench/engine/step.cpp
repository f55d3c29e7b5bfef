// Times one UNet step (guidance batch 2), one VAE decode or one picture enlarged by RealESRGAN
// x4plus, of the published sizes with random weights. SIZE is the side of the picture in pixels, of
// the small one where it is enlarged; `upscale` has no family (give any).
//
//   atelier-bench-step {unet|vae|upscale} {fp32|bf16|fp16} {sd15|sdxl} SIZE THREADS        one step
//                    for each line on stdin, answered with its seconds (bench/peers)
//   atelier-bench-step {unet|vae|upscale} {fp32|bf16|fp16} {sd15|sdxl} SIZE THREADS STEPS  that
//   many
//                    steps, then JSON
//
// ATELIER_BENCH_DEVICE=cuda runs on a GPU.
#include <sys/resource.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "engine/models/autoencoder_kl.h"
#include "engine/models/rrdbnet.h"
#include "engine/models/unet2d.h"
#include "engine/nn/module.h"
#include "engine/tensor/poll.h"
#include "engine/tensor/working_memory.h"

namespace atelier::engine {
namespace {

// A source of every tensor that is requested, small enough for finite numbers: parts of one random
// block.
class RandomSource final : public TensorSource {
 public:
  std::optional<std::vector<std::int64_t>> shape(std::string_view name) const override {
    const auto found = shapes_.find(name);
    if (found == shapes_.end()) return std::nullopt;
    return found->second;
  }
  std::optional<std::vector<std::int64_t>> shape_for(std::string_view name,
                                                     at::IntArrayRef wanted) const override {
    shapes_.insert_or_assign(std::string(name), wanted.vec());
    return wanted.vec();
  }
  Tensor get(std::string_view name) const override {
    const std::vector<std::int64_t>& shape = shapes_.find(name)->second;
    if (shape.size() == 1) {
      return name.ends_with(".weight") ? at::ones(shape, at::kFloat) : at::zeros(shape, at::kFloat);
    }
    Tensor tensor = at::empty(shape, at::kFloat);
    const std::int64_t fan_in = tensor.numel() / shape[0];
    const Tensor block = block_ * (std::sqrt(3.0F / static_cast<float>(fan_in)));
    for (std::int64_t first = 0; first < tensor.numel(); first += block.numel()) {
      const std::int64_t count = std::min(block.numel(), tensor.numel() - first);
      tensor.view(-1).narrow(0, first, count).copy_(block.narrow(0, 0, count));
    }
    return tensor;
  }
  std::vector<std::string> names() const override { return {}; }
  std::string where() const override { return "random weights"; }

 private:
  const Tensor block_ = at::empty({(1 << 20) - 3}, at::kFloat).uniform_(-1, 1);
  mutable std::map<std::string, std::vector<std::int64_t>, std::less<>> shapes_;
};

boost::json::object unet_config(const std::string& family) {
  if (family == "sd15") {
    return boost::json::parse(R"({"cross_attention_dim": 768, "attention_head_dim": 8})")
        .as_object();
  }
  return boost::json::parse(R"({"block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "transformer_layers_per_block": [1, 2, 10], "attention_head_dim": [5, 10, 20],
    "cross_attention_dim": 2048, "use_linear_projection": true, "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816})")
      .as_object();
}

boost::json::object vae_config() {
  return boost::json::parse(
             R"({"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2})")
      .as_object();
}

struct Asked {
  std::string part, dtype, family;
  std::int64_t size = 512;
  int threads = 1;
  at::Device device = at::kCPU;
  at::ScalarType scalar_type() const {
    return dtype == "bf16" ? at::kBFloat16 : dtype == "fp16" ? at::kHalf : at::kFloat;
  }
};

// The work of one step; waits for the device.
std::function<void()> make_step(const Asked& asked) {
  const RandomSource source;
  const Binder binder(source, asked.scalar_type(), asked.device);
  const at::TensorOptions options = at::device(asked.device).dtype(asked.scalar_type());
  const std::int64_t latent = asked.size / 8;
  if (asked.part == "vae") {
    const auto vae =
        std::make_shared<AutoencoderKl>(AutoencoderKlConfig::from_json(vae_config()), binder);
    const Tensor latents = at::randn({1, 4, latent, latent}, options);
    return [=] { vae->decode(latents, poll).cpu(); };
  }
  if (asked.part == "upscale") {
    const auto network = std::make_shared<RrdbNet>(RrdbNetConfig{}, binder);
    const Tensor picture = at::rand({1, 3, asked.size, asked.size}, at::device(asked.device));
    return [=] { network->forward(picture).cpu(); };
  }
  const UNet2DConfig config = UNet2DConfig::from_json(unet_config(asked.family));
  const auto unet = std::make_shared<UNet2D>(config, binder);
  AddedConditioning added;
  if (config.text_time) {
    added = {at::randn({2, 1280}, options), at::full({2, 6}, asked.size, options)};
  }
  const Conditioning conditioning =
      unet->prepare(at::randn({2, 77, config.cross_attention_dim}, options), added);
  const Tensor sample = at::randn({2, 4, latent, latent}, options);
  return [=] { unet->forward(sample, 500, conditioning, {poll}).cpu(); };
}

// The longest time in which a run does not see that it is cancelled or is to wait.
class LongestBetweenPolls {
 public:
  void poll() {
    const auto now = std::chrono::steady_clock::now();
    longest_ = std::max(longest_, std::chrono::duration<double>(now - last_).count());
    last_ = now;
  }
  double seconds() const { return longest_; }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  double longest_ = 0;
};

double seconds_of(const std::function<void()>& step) {
  const auto start = std::chrono::steady_clock::now();
  step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What the process has used so far: distinguishes a slow step from a busy machine.
struct Usage {
  double user = 0, system = 0;  // seconds of all threads
  std::int64_t faults = 0;      // pages that the system had to provide

  static Usage now() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return {seconds(used.ru_utime), seconds(used.ru_stime), used.ru_minflt};
  }
};

std::int64_t peak_rss_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) / 1024;
  }
  return 0;
}

void report(const Asked& asked, const std::function<void()>& step, int steps) {
  std::vector<double> seconds;
  boost::json::array user, system, faults;
  LongestBetweenPolls longest;
  const PollScope scope([&] { longest.poll(); });
  for (int i = 0; i < steps; ++i) {
    const Usage before = Usage::now();
    longest.poll();
    seconds.push_back(seconds_of(step));
    longest.poll();
    const Usage after = Usage::now();
    user.push_back(after.user - before.user);
    system.push_back(after.system - before.system);
    faults.push_back(after.faults - before.faults);
  }
  const boost::json::array all(seconds.begin(), seconds.end());
  std::sort(seconds.begin(), seconds.end());
  std::cout << boost::json::object{{"part", asked.part},
                                   {"dtype", asked.dtype},
                                   {"family", asked.family},
                                   {"size", asked.size},
                                   {"threads", asked.threads},
                                   {"device", asked.device.str()},
                                   {"seconds", all},
                                   {"user_seconds", user},
                                   {"system_seconds", system},
                                   {"page_faults", faults},
                                   {"median_seconds", seconds[seconds.size() / 2]},
                                   {"longest_seconds_between_polls", longest.seconds()},
                                   {"peak_rss_mb", peak_rss_mb()}}
            << "\n";
}

}  // namespace
}  // namespace atelier::engine

// NOLINTNEXTLINE(bugprone-exception-escape): a failure may end a measurement as it is
int main(int count, char** words) {
  using namespace atelier::engine;
  if (count != 6 && count != 7) {
    std::cerr
        << "usage: atelier-bench-step {unet|vae|upscale} {fp32|bf16|fp16} {sd15|sdxl} SIZE THREADS "
           "[STEPS]\n";
    return 2;
  }
  const char* device = std::getenv("ATELIER_BENCH_DEVICE");
  const Asked asked{words[1],
                    words[2],
                    words[3],
                    std::stoll(words[4]),
                    std::stoi(words[5]),
                    at::Device(device == nullptr ? "cpu" : device)};
  at::set_num_threads(asked.threads);
  keep_freed_memory();  // as in the worker
  const c10::InferenceMode no_graph;
  const std::function<void()> step = make_step(asked);
  give_back_freed_memory();
  if (count == 7) {
    report(asked, step, std::stoi(words[6]));
    return 0;
  }
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << seconds_of(step) << std::endl;
  return 0;
}
