#include "engine/nn/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <tuple>

#include "engine/tensor/poll.h"

namespace atelier::engine {
namespace {

struct Inputs {
  Tensor query, key, value;  // [batch, heads, tokens, width], views as the networks make them
};

Inputs random_inputs(std::int64_t batch, std::int64_t heads, std::int64_t queries,
                     std::int64_t keys, std::int64_t width) {
  at::manual_seed(static_cast<std::uint64_t>(queries + keys));  // libtorch starts with a random one
  const auto q = at::randn({batch, queries, heads * width});
  const auto kv = at::randn({batch, keys, 2 * heads * width}).chunk(2, 2);
  return {split_heads(q, heads), split_heads(kv[0], heads), split_heads(kv[1], heads)};
}

// The definition, in fp64, with all scores at once.
Tensor plain_attention(const Inputs& in, AttentionMask mask) {
  const Tensor query = in.query.to(at::kDouble), key = in.key.to(at::kDouble);
  Tensor scores =
      query.matmul(key.transpose(2, 3)) / std::sqrt(static_cast<double>(in.query.size(3)));
  if (mask == AttentionMask::kCausal) {
    scores = scores + at::full({query.size(2), key.size(2)},
                               -std::numeric_limits<double>::infinity(), at::kDouble)
                          .triu(key.size(2) - query.size(2) + 1);
  }
  return scores.softmax(-1).matmul(in.value.to(at::kDouble)).transpose(1, 2).flatten(2);
}

double difference(const Inputs& in, AttentionMask mask = AttentionMask::kNone) {
  const Tensor expected = plain_attention(in, mask);
  const Tensor found = attention(in.query, in.key, in.value, mask);
  if (found.sizes() != expected.sizes()) return std::numeric_limits<double>::infinity();
  return (found.to(at::kDouble) - expected).abs().max().item<double>();
}

// The result is rounded to bf16, by at most 2^-8 of values that rarely pass 4; the rounding of the
// keys' weights nearly cancels out.
double tolerance() { return 4.0 / 256; }

class AttentionIn : public testing::TestWithParam<at::ScalarType> {
 protected:
  Inputs inputs(std::int64_t batch, std::int64_t heads, std::int64_t queries, std::int64_t keys,
                std::int64_t width) const {
    return rounded(random_inputs(batch, heads, queries, keys, width));
  }
  // Keeps the strides of the views.
  Inputs rounded(const Inputs& in) const {
    return {in.query.to(GetParam()), in.key.to(GetParam()), in.value.to(GetParam())};
  }
  double allowed(double fp32) const { return GetParam() == at::kFloat ? fp32 : tolerance(); }
};

TEST_P(AttentionIn, EqualsTheDefinitionForManyShapes) {
  for (const auto& [heads, queries, keys, width] : {std::tuple{8, 100, 300, 40},
                                                    {2, 7, 77, 64},
                                                    {1, 65, 130, 512},
                                                    {3, 1, 1, 5},
                                                    {4, 500, 257, 24},
                                                    {2, 13, 9, 160},
                                                    {3, 1100, 200, 33},
                                                    {1, 2000, 16, 8}}) {
    EXPECT_LE(difference(inputs(2, heads, queries, keys, width)), allowed(3e-6))
        << heads << " " << queries << " " << keys << " " << width;
  }
}

TEST_P(AttentionIn, HidesWhatComesLater) {
  for (const auto& [queries, keys] : {std::pair{77, 77}, {600, 600}, {5, 300}, {1, 1}}) {
    EXPECT_LE(difference(inputs(1, 2, queries, keys, 64), AttentionMask::kCausal), allowed(3e-6))
        << queries << " " << keys;
  }
}

TEST_P(AttentionIn, KeepsLargeAndTinyScoresFinite) {
  Inputs in = inputs(1, 2, 50, 400, 40);
  in.query = in.query * 100.0;
  EXPECT_LE(difference(in), allowed(1e-3));  // a choice of one key: the scores' own rounding shows
  in.query = in.query * 0.0;
  EXPECT_LE(difference(in), allowed(1e-6));
}

TEST_P(AttentionIn, ShowsABrokenInput) {
  Inputs in = inputs(1, 1, 40, 130, 40);
  in.query.select(2, 7).fill_(std::numeric_limits<double>::quiet_NaN());
  const Tensor broken = attention(in.query, in.key, in.value).isnan().any(2).squeeze(0);
  EXPECT_TRUE(broken[7].item<bool>());
  EXPECT_EQ(broken.sum().item<std::int64_t>(), 1);
}

TEST_P(AttentionIn, KeepsTheDtype) {
  const Inputs in = inputs(2, 4, 90, 77, 40);
  EXPECT_EQ(attention(in.query, in.key, in.value).scalar_type(), GetParam());
}

TEST_P(AttentionIn, DoesNotDependOnTheNumberOfThreads) {
  const Inputs in = inputs(1, 2, 700, 300, 40);
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor one = attention(in.query, in.key, in.value);
  at::set_num_threads(3);
  const Tensor three = attention(in.query, in.key, in.value);
  at::set_num_threads(before);
  EXPECT_TRUE(one.equal(three));
}

// fp16 has no kernel: it shows that other dtypes are converted.
INSTANTIATE_TEST_SUITE_P(Dtypes, AttentionIn, testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& info) { return std::string(c10::toString(info.param)); });

// A score that moves by the rounding of one bf16 value would not be seen above; this would see keys
// that are weighted by a neighbour's score.
TEST(Attention, Bf16IsAsExactAsItsRounding) {
  Inputs in = random_inputs(2, 8, 1024, 1024, 40);
  in = {in.query.to(at::kBFloat16), in.key.to(at::kBFloat16), in.value.to(at::kBFloat16)};
  const Tensor expected = plain_attention(in, AttentionMask::kNone);
  const Tensor error = attention(in.query, in.key, in.value).to(at::kDouble) - expected;
  const double relative =
      (error.square().mean().sqrt() / expected.square().mean().sqrt()).item<double>();
  EXPECT_LE(relative, 2.0 / 512);
}

// As in the middle of an autoencoder that decodes a large picture.
TEST(Attention, OfManyPixelsPollsAndIsTheSame) {
  const Inputs in = random_inputs(1, 1, 4096, 4096, 512);
  int polls = 0;
  Tensor whole;
  {
    const PollScope scope([&] { ++polls; });
    whole = attention(in.query, in.key, in.value);
  }
  EXPECT_GT(polls, 1);
  const Inputs last{in.query.narrow(2, 4000, 96), in.key, in.value};
  EXPECT_LT((whole.narrow(1, 4000, 96) - plain_attention(last, AttentionMask::kNone))
                .abs()
                .max()
                .item<double>(),
            1e-5);
}

}  // namespace
}  // namespace atelier::engine
