#include "codec/picture_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
// clang-format off
#include <vips/vips8>
#include <vips/vector.h>  // does not bring what it needs
// clang-format on

#include "codec/describe_failure.h"
#include "codec/exif_comment.h"
#include "codec/foreign_format.h"
#include "codec/png_texts.h"
#include "media/image/convert.h"
#include "platform/error.h"

namespace atelier::codec {
namespace {

using vips::VImage;

constexpr const char* kKnownFormats = "PNG, JPEG, WebP, GIF, TIFF, HEIF or AVIF";
constexpr const char* kExif = "exif-data";

// "pngload_buffer" -> "png"
std::string format_of(const VImage& image) {
  std::string loader = image.get_typeof(VIPS_META_LOADER) != 0 ? image.get_string(VIPS_META_LOADER)
                                                               : std::string("unknown");
  const std::size_t end = loader.find("load");
  if (end != std::string::npos) loader.resize(end);
  if (loader == "gifns" || loader == "nsgif") return "gif";
  return loader;
}

// Other loaders of libvips (PDF, SVG, FITS …) are never given a file.
bool has_known_format(std::span<const std::uint8_t> file) {
  if (file.empty()) return false;
  const char* loader = vips_foreign_find_load_buffer(file.data(), file.size());
  if (loader == nullptr) {
    vips_error_clear();
    return false;
  }
  const std::string_view name = vips_nickname_find(g_type_from_name(loader));
  return std::ranges::any_of(std::to_array<std::string_view>({"pngload", "jpegload", "webpload",
                                                              "gifload", "tiffload", "heifload"}),
                             [name](std::string_view known) { return name.starts_with(known); });
}

// Truncation is an error, not a grey lower half.
vips::VOption* open_options() {
  return VImage::option()
      ->set("access", VIPS_ACCESS_SEQUENTIAL)
      ->set("fail_on", VIPS_FAIL_ON_TRUNCATED);
}

VImage open(std::span<const std::uint8_t> file) {
  return VImage::new_from_buffer(file.data(), file.size(), "", open_options());
}

// The first `count` frames, one below the other.
VImage open_frames(std::span<const std::uint8_t> file, int count) {
  return VImage::new_from_buffer(file.data(), file.size(), "", open_options()->set("n", count));
}

void check_size(int width, int height, std::int64_t max_pixels) {
  if (std::int64_t{width} * height <= max_pixels) return;
  throw Error(ErrorCode::kTooLarge, "the picture is " + std::to_string(width) + "x" +
                                        std::to_string(height) + " pixels, at most " +
                                        std::to_string(max_pixels) +
                                        " in all are accepted: make it smaller first");
}

VImage upright(const VImage& image) {
  if (vips_image_get_orientation(image.get_image()) <= 1) return image;
  // Turning reads the rows out of order, which a stream cannot.
  return image.copy_memory().autorot();
}

VImage to_rgb8(VImage image) {
  // Bands without a meaning (some TIFFs): grey, or the first three as RGB.
  if (image.interpretation() == VIPS_INTERPRETATION_MULTIBAND) {
    image = image.bands() >= 3 ? image.extract_band(0, VImage::option()->set("n", 3))
                               : image.extract_band(0);
    const bool deep = image.format() == VIPS_FORMAT_USHORT;
    const VipsInterpretation grey = deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W;
    const VipsInterpretation rgb = deep ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
    image = image.copy(VImage::option()->set("interpretation", image.bands() == 1 ? grey : rgb));
  }
  image = image.colourspace(VIPS_INTERPRETATION_sRGB);
  if (image.format() != VIPS_FORMAT_UCHAR) image = image.cast(VIPS_FORMAT_UCHAR);
  if (image.bands() > 4) image = image.extract_band(0, VImage::option()->set("n", 4));
  return image;
}

// The frames of an animation are decoded one after the other: at most so many pixels in all, and so
// many rows as libvips lets an image have.
constexpr std::int64_t kAnimationPixelsMax = 1'000'000'000, kRowsMax = VIPS_MAX_COORD;

// As the file's header counts them. Pages of a document (TIFF) are not frames.
int frames_of(const VImage& image, const std::string& format) {
  const bool animated = format == "gif" || format == "webp";
  return animated ? std::max(1, vips_image_get_n_pages(image.get_image())) : 1;
}

// Numbers of the frames that are decoded, the first one aside.
std::vector<int> later_frames(const VImage& image, int frames_total, const DecodeOptions& options) {
  if (options.frames_max <= 1) return {};
  const std::int64_t pixels = std::int64_t{image.width()} * image.height();
  const std::int64_t read = std::min(
      {std::int64_t{frames_total}, kAnimationPixelsMax / pixels, kRowsMax / image.height()});
  const std::int64_t count =
      std::min({read, std::int64_t{options.frames_max}, options.max_pixels / pixels});
  std::vector<int> numbers;
  for (std::int64_t i = 1; i < count; ++i) {
    numbers.push_back(static_cast<int>(i * (read - 1) / (count - 1)));
  }
  return numbers;
}

media::Image to_plain(const VImage& image) {
  media::Image plain{image.width(), image.height(), image.bands(), {}};
  std::size_t size = 0;
  const std::unique_ptr<void, decltype(&g_free)> pixels(image.write_to_memory(&size), g_free);
  if (size != plain.byte_count() || (plain.channels != 3 && plain.channels != 4)) {
    throw Error(ErrorCode::kCorruptData, "the picture has " + std::to_string(plain.channels) +
                                             " channels: save it as RGB first");
  }
  const auto* bytes = static_cast<const std::uint8_t*>(pixels.get());
  plain.pixels.assign(bytes, bytes + size);
  return plain;
}

media::Image on_matte(media::Image image, const DecodeOptions& options) {
  return options.matte ? media::on_matte(std::move(image), *options.matte) : image;
}

std::vector<media::Frame> read_frames(std::span<const std::uint8_t> file,
                                      const std::vector<int>& numbers, int frames_total,
                                      const DecodeOptions& options) {
  const VImage all = open_frames(file, numbers.back() + 1);
  const int height = vips_image_get_page_height(all.get_image());
  std::vector<media::Frame> frames;
  for (const int number : numbers) {
    const VImage frame = all.crop(0, number * height, all.width(), height).copy();
    frames.push_back({on_matte(to_plain(to_rgb8(upright(frame))), options), number, frames_total});
  }
  return frames;
}

std::vector<TextEntry> texts_of(std::span<const std::uint8_t> file, const VImage& image) {
  if (is_png(file)) return read_png_texts(file);
  std::vector<TextEntry> texts;
  if (image.get_typeof(kExif) == 0) return texts;
  std::size_t size = 0;
  const void* data = image.get_blob(kExif, &size);
  if (auto text = read_exif_comment({static_cast<const std::uint8_t*>(data), size})) {
    texts.push_back({"parameters", *std::move(text)});
  }
  return texts;
}

VImage from_plain(const media::Image& image) {
  const bool known = image.channels == 1 || image.channels == 3 || image.channels == 4;
  if (!known || image.width < 1 || image.height < 1 || image.pixels.size() != image.byte_count()) {
    throw Error(ErrorCode::kInvalidArgument,
                "invalid picture: " + std::to_string(image.width) + "x" +
                    std::to_string(image.height) + " pixels in " + std::to_string(image.channels) +
                    " channels need " + std::to_string(image.byte_count()) + " bytes, " +
                    std::to_string(image.pixels.size()) + " were sent");
  }
  // Only read; libvips has no const version.
  return VImage::new_from_memory(const_cast<std::uint8_t*>(image.pixels.data()),
                                 image.pixels.size(), image.width, image.height, image.channels,
                                 VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", image.channels == 1
                                                        ? VIPS_INTERPRETATION_B_W
                                                        : VIPS_INTERPRETATION_sRGB));
}

std::vector<std::uint8_t> written(const VImage& image, const std::string& suffix,
                                  vips::VOption* options) {
  void* data = nullptr;
  std::size_t size = 0;
  image.write_to_buffer(suffix.c_str(), &data, &size, options);
  const std::unique_ptr<void, decltype(&g_free)> owner(data, g_free);
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  return {bytes, bytes + size};
}

// Some versions of libheif load their decoders as plugins when the first file is opened.
void load_heif_plugins() {
  std::uint8_t beginning[16] = {0, 0, 0, 16, 'f', 't', 'y', 'p', 'a', 'v', 'i', 'f'};
  VipsImage* none = nullptr;
  if (vips_heifload_buffer(beginning, sizeof beginning, &none, nullptr) == 0) g_object_unref(none);
  vips_error_clear();  // the file is incomplete on purpose
}

void ignore_warning(const gchar*, GLogLevelFlags, const gchar*, gpointer) {}

// The image with its parameters as EXIF; whether there are any.
bool add_exif(VImage& image, const std::vector<TextEntry>& texts) {
  for (const TextEntry& text : texts) {
    if (text.key != "parameters") continue;
    const auto exif = make_exif_comment(text.value);
    if (!exif) return false;
    image = image.copy();
    vips_image_set_blob_copy(image.get_image(), kExif, exif->data(), exif->size());
    return true;
  }
  return false;
}

std::vector<std::uint8_t> encode_lossy(VImage image, const EncodeOptions& options) {
  const bool jpeg = options.format == "jpeg";
  if (jpeg && image.has_alpha()) {
    image = image.flatten(VImage::option()->set("background", 255.0));
  }
  const bool exif = add_exif(image, options.texts);
  return written(
      image, jpeg ? ".jpg" : ".webp",
      VImage::option()->set("Q", std::clamp(options.quality, 1, 100))->set("strip", !exif));
}

}  // namespace

void start_codecs(const char* program) {
  if (vips_init(program) != 0) {
    throw Error(ErrorCode::kInternal,
                std::string("libvips cannot be initialised: ") + vips_error_buffer());
  }
  // A hostile file could fill the log; failures are returned as errors.
  g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING, ignore_warning, nullptr);
  // Leaves the loaders that are fuzzed upstream, and some more: see has_known_format().
  vips_block_untrusted_set(TRUE);
  vips_concurrency_set(1);         // the pool has a process per picture
  vips_cache_set_max(0);           // requests do not repeat
  vips_vector_set_enabled(FALSE);  // its compiler needs memory that is writable and executable
  load_heif_plugins();
}

DecodedPicture decode_picture(std::span<const std::uint8_t> file, const DecodeOptions& options) {
  if (!has_known_format(file)) {
    const std::string met(foreign_format(file));
    throw Error(ErrorCode::kCorruptData, "this is " + met + (met.empty() ? "" : ", ") +
                                             "not a picture that can be read: send " +
                                             kKnownFormats);
  }
  DecodedPicture decoded;
  with_failures_described("the picture cannot be decoded", [&] {
    const auto shorter = without_compressed_texts(file);  // outlives the image, which reads from it
    VImage image = open(shorter.empty() ? file : std::span<const std::uint8_t>(shorter));
    check_size(image.width(), image.height(), options.max_pixels);
    decoded.format = format_of(image);
    decoded.frames_total = frames_of(image, decoded.format);
    decoded.texts = texts_of(file, image);
    const bool turned = vips_image_get_orientation_swap(image.get_image()) != FALSE;
    decoded.width = turned ? image.height() : image.width();
    decoded.height = turned ? image.width() : image.height();
    if (options.header_only) return;
    image = to_rgb8(upright(image));
    if (options.max_side > 0) {
      image = image.thumbnail_image(
          options.max_side,
          VImage::option()->set("height", options.max_side)->set("size", VIPS_SIZE_DOWN));
    }
    decoded.image = on_matte(to_plain(image), options);
    const auto numbers = later_frames(image, decoded.frames_total, options);
    if (!numbers.empty()) {
      decoded.later_frames = read_frames(file, numbers, decoded.frames_total, options);
    }
  });
  return decoded;
}

std::vector<std::uint8_t> encode_picture(const media::Image& image, const EncodeOptions& options) {
  media_type_of(options.format);  // refuses an unknown one
  std::vector<std::uint8_t> file;
  with_failures_described("the picture cannot be encoded", [&] {
    const VImage source = from_plain(image);
    if (options.format != "png") {
      file = encode_lossy(source, options);
      return;
    }
    file = written(source, ".png",
                   VImage::option()
                       ->set("compression", std::clamp(options.compression, 0, 9))
                       ->set("strip", true));
    if (!options.texts.empty()) file = with_png_texts(file, options.texts);
  });
  return file;
}

std::string media_type_of(const std::string& format) {
  if (format == "png" || format == "jpeg" || format == "webp") return "image/" + format;
  throw Error(ErrorCode::kInvalidArgument,
              "pictures are not written as '" + format + "': choose png, jpeg or webp");
}

}  // namespace atelier::codec
