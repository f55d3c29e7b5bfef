#include "engine/image/pixels.h"

#include <gtest/gtest.h>

namespace atelier::engine {
namespace {

TEST(Pixels, APictureComesBackUnchanged) {
  media::Image image{16, 16, 3, {}};
  for (int i = 0; i < 16 * 16 * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i * 7));
  }
  const Tensor tensor = picture_to_tensor(image);
  ASSERT_EQ(tensor.sizes(), (std::vector<std::int64_t>{1, 3, 16, 16}));
  EXPECT_EQ(tensor_to_picture(tensor[0]).pixels, image.pixels);
}

TEST(Pixels, GivesTheValuesOfEachChannel) {
  const Tensor values = picture_values({2, 1, 3, {1, 2, 255, 4, 5, 0}});
  EXPECT_TRUE(
      at::equal(values, at::tensor({1.0F, 4.0F, 2.0F, 5.0F, 255.0F, 0.0F}).reshape({1, 3, 1, 2})));
  const Tensor grey = picture_values({1, 1, 1, {9}});
  EXPECT_TRUE(at::equal(grey.flatten(), at::tensor({9.0F, 9.0F, 9.0F})));
}

TEST(Pixels, ValuesOutsideTheRangeAreClamped) {
  const media::Image image = tensor_to_picture(at::tensor({-3.0F, 0.0F, 3.0F}).reshape({3, 1, 1}));
  EXPECT_EQ(image.pixels,
            (std::vector<std::uint8_t>{0, 128, 255}));  // 127.5 goes to the even neighbour
}

TEST(Pixels, AMaskIsCutAtHalf) {
  const Tensor mask = mask_to_tensor({4, 1, 1, {0, 127, 128, 255}});
  EXPECT_TRUE(at::equal(mask.flatten(), at::tensor({0.0F, 0.0F, 1.0F, 1.0F})));
}

}  // namespace
}  // namespace atelier::engine
