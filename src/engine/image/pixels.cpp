#include "engine/image/pixels.h"

#include "media/image/convert.h"

namespace atelier::engine {
namespace {

Tensor bytes_of(const media::Image& image) {  // [height, width, channels], a copy
  return at::from_blob(const_cast<std::uint8_t*>(image.pixels.data()),
                       {image.height, image.width, image.channels}, at::kByte)
      .to(at::kFloat);
}

}  // namespace

Tensor picture_to_tensor(const media::Image& image) {
  const media::Image rgb = media::to_rgb(image);
  return (bytes_of(rgb) / 255.0 * 2.0 - 1.0).permute({2, 0, 1}).unsqueeze(0).contiguous();
}

Tensor picture_values(const media::Image& image) {
  return bytes_of(media::to_rgb(image)).permute({2, 0, 1}).unsqueeze(0).contiguous();
}

media::Image tensor_to_picture(const Tensor& tensor) {
  const Tensor bytes = at::round((tensor.to(at::kCPU, at::kFloat) / 2 + 0.5).clamp(0, 1) * 255)
                           .to(at::kByte)
                           .permute({1, 2, 0})
                           .contiguous();
  media::Image image{static_cast<int>(bytes.size(1)), static_cast<int>(bytes.size(0)), 3, {}};
  image.pixels.assign(bytes.data_ptr<std::uint8_t>(),
                      bytes.data_ptr<std::uint8_t>() + bytes.numel());
  return image;
}

Tensor mask_to_tensor(const media::Image& mask) {
  const media::Image grey = media::to_grey(mask);
  return (bytes_of(grey) / 255.0 >= 0.5)
      .to(at::kFloat)
      .permute({2, 0, 1})
      .unsqueeze(0)
      .contiguous();
}

}  // namespace atelier::engine
