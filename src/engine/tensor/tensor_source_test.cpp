#include "engine/tensor/tensor_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/error.h"

namespace atelier::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string failure_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(AddedSource, AddsInFullPrecisionAndPassesOnTheRest) {
  const MemorySource base(
      {{"a", at::full({2}, 1.0, at::kHalf)}, {"b", at::full({3}, 2.0, at::kHalf)}}, "model");
  int made = 0;
  const AddedSource patched(base, {{"a", [&made] {
                                      ++made;
                                      return at::full({2}, 0.0001);
                                    }}});
  EXPECT_EQ(made, 0);  // a patch costs nothing until its tensor is read
  EXPECT_EQ(patched.get("a").scalar_type(), at::kFloat);
  EXPECT_TRUE(at::allclose(patched.get("a"), at::full({2}, 1.0001), 1e-7, 0));
  EXPECT_EQ(patched.get("b").data_ptr(), base.get("b").data_ptr());
  EXPECT_THAT(patched.names(), ElementsAre("a", "b"));
  EXPECT_THAT(patched.changed(), ElementsAre("a"));
  EXPECT_THAT(patched.shape("a").value(), ElementsAre(2));
  EXPECT_FALSE(patched.shape("c"));
  EXPECT_EQ(patched.where(), "model");
}

TEST(AddedSource, Composes) {
  const MemorySource base({{"a", at::ones({2})}});
  const AddedSource first(base, {{"a", [] { return at::full({2}, 2.0); }}});
  const AddedSource second(first, {{"a", [] { return at::full({2}, 4.0); }}});
  EXPECT_TRUE(at::equal(second.get("a"), at::full({2}, 7.0)));
}

TEST(AddedSource, RefusesPatchesOfOtherModels) {
  const MemorySource base({{"a", at::ones({2})}}, "model");
  EXPECT_THAT(failure_of([&] { AddedSource(base, {{"x", [] { return at::ones({2}); }}}); }),
              HasSubstr("model: has no tensor 'x'"));
  const AddedSource misshapen(base, {{"a", [] { return at::ones({1, 2}); }}});
  EXPECT_THAT(failure_of([&] { misshapen.get("a"); }), HasSubstr("another shape"));
}

}  // namespace
}  // namespace atelier::engine
