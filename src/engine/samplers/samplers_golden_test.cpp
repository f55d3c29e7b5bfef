// Every sampler and schedule against the reference: timesteps, sigmas, and the end of a whole run
// with a stand-in network that both sides compute alike (tools/reference/make_sampler_goldens.py).
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "engine/samplers/choose.h"

namespace atelier::engine {
namespace {

const std::vector<std::int64_t> kShape{1, 4, 2, 4};

Tensor counted() { return at::arange(32, at::kDouble).reshape(kShape); }

Tensor network(const Tensor& input, double timestep) {
  // The reference's timesteps are fp32.
  const auto t = static_cast<double>(static_cast<float>(timestep));
  return at::tanh(input.to(at::kDouble) * 0.7 + at::sin(counted() * 0.37 + 0.013 * t) * 0.5)
      .to(at::kFloat);
}

std::vector<double> numbers(const boost::json::value& array) {
  std::vector<double> values;
  for (const auto& value : array.as_array()) {
    values.push_back(value.to_number<double>());
  }
  return values;
}

void expect_close(const std::vector<double>& ours, const std::vector<double>& theirs,
                  double tolerance, const char* what) {
  ASSERT_EQ(ours.size(), theirs.size()) << what;
  double highest = 0;
  for (const double value : theirs) {
    highest = std::max(highest, std::abs(value));
  }
  for (std::size_t i = 0; i < ours.size(); ++i) {
    ASSERT_NEAR(ours[i], theirs[i], tolerance * highest) << what << " " << i;
  }
}

Tensor run(Sampler& sampler, const boost::json::object& golden) {
  NoiseSource noise(golden.at("seed").to_number<std::uint64_t>(), 1);
  const auto start = golden.at("start").to_number<std::size_t>();
  Tensor sample = noise.normal_like(at::empty(kShape));
  sampler.begin(start);
  if (golden.at("image").as_bool()) {
    const Tensor picture = at::sin(counted() * 0.9).to(at::kFloat);
    sample = sampler.add_noise(picture, sample, start);
  } else {
    sample = sample * sampler.init_noise_sigma();
  }
  for (std::size_t model_eval = start; model_eval < sampler.timesteps().size(); ++model_eval) {
    const Tensor output =
        network(sampler.scale_input(sample, model_eval), sampler.timesteps()[model_eval]);
    sample = sampler.step(output, model_eval, sample, noise);
  }
  return sample;
}

void check_case(const boost::json::object& golden) {
  const SamplerChoice choice = choose_sampler(
      std::string(golden.at("sampler").as_string()), std::string(golden.at("schedule").as_string()),
      read_scheduler_file(golden.at("file").as_object()), golden.at("steps").to_number<int>());
  const auto sampler = choice.make();
  if (const auto* timesteps = golden.if_contains("timesteps")) {
    expect_close(sampler->timesteps(), numbers(*timesteps), 1e-6, "timesteps");
    EXPECT_FLOAT_EQ(static_cast<float>(sampler->init_noise_sigma()),
                    golden.at("init").to_number<float>());
  }
  if (golden.contains("sigmas") && !golden.at("sigmas").as_array().empty()) {
    expect_close(sampler->sigmas(), numbers(golden.at("sigmas")), 1e-6, "sigmas");
  }
  if (golden.contains("unit_sigmas") && sampler->evals_per_step() == 1) {
    expect_close(sampler->sigmas(), numbers(golden.at("unit_sigmas")), 1e-6, "sigmas");
  }
  const Tensor final = run(*sampler, golden).contiguous();
  const std::vector<double> ours(final.data_ptr<float>(), final.data_ptr<float>() + final.numel());
  expect_close(ours, numbers(golden.at("final")), 1e-4, "final");
}

int check_file(const std::string& name) {
  std::ifstream file(std::filesystem::path(ATELIER_SOURCE_DIR "/tests/golden/data/samplers") /
                     name);
  std::string line;
  std::getline(file, line);  // versions
  int cases = 0;
  while (std::getline(file, line)) {
    const boost::json::object golden = boost::json::parse(line).as_object();
    SCOPED_TRACE(line.substr(0, line.find("\"timesteps\"")).substr(0, 500));
    check_case(golden);
    ++cases;
  }
  return cases;
}

TEST(Samplers, EqualDiffusersForEveryPairItOffers) {
  EXPECT_GT(check_file("diffusers.jsonl"), 400);
}
TEST(Samplers, EqualKDiffusionForTheSigmaSchedules) {
  EXPECT_GT(check_file("k_diffusion.jsonl"), 80);
}

}  // namespace
}  // namespace atelier::engine
