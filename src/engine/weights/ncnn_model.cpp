#include "engine/weights/ncnn_model.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

constexpr std::string_view kMagic = "7767517";
constexpr int kArrayKey = -23300;
constexpr std::uint32_t kFp16Tag = 0x01306B47, kInt8Tag = 0x000D4B38, kRawFp32Tag = 0x0002C056;
constexpr std::uint64_t kTagBytes = 4, kAlignment = 4;

std::string quoted(std::string_view text) { return "'" + platform::cut(text, 200) + "'"; }

bool is_space(char letter) { return letter == ' ' || letter == '\t' || letter == '\r'; }

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < line.size();) {
    if (is_space(line[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < line.size() && !is_space(line[at])) ++at;
    words.push_back(line.substr(begin, at - begin));
  }
  return words;
}

class ParamParser {
 public:
  ParamParser(std::string_view text, const std::string& where) : rest_(text), where_(where) {}

  std::vector<NcnnLayer> parse();

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kCorruptData, where_ + ": broken ncnn parameters: line " +
                                             std::to_string(line_) + ": " + what +
                                             "; download or copy it again");
  }
  std::vector<std::string_view> next_line();  // empty at the end
  template <typename Number>
  Number number_of(std::string_view word, const char* what) const;
  void read_parameter(std::string_view word, NcnnLayer& layer) const;
  NcnnLayer read_layer(const std::vector<std::string_view>& words) const;

  std::string_view rest_;
  const std::string& where_;
  std::size_t line_ = 0;
};

std::vector<std::string_view> ParamParser::next_line() {
  while (!rest_.empty()) {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::vector<std::string_view> words = words_of(rest_.substr(0, end));
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++line_;
    if (!words.empty()) return words;
  }
  return {};
}

template <typename Number>
Number ParamParser::number_of(std::string_view word, const char* what) const {
  Number number{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || end != word.data() + word.size() ||
      !std::isfinite(static_cast<double>(number))) {
    fail(std::string(what) + " " + quoted(word) + " is not a number");
  }
  return number;
}

// `key=value`, or `-(23300 + key)=count,value,value…`
void ParamParser::read_parameter(std::string_view word, NcnnLayer& layer) const {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) fail(quoted(word) + " is not written as key=value");
  int key = number_of<int>(word.substr(0, equals), "the key");
  std::string_view values = word.substr(equals + 1);
  std::vector<double> numbers;
  for (bool more = true; more;) {
    const std::size_t comma = values.find(',');
    more = comma != std::string_view::npos;
    numbers.push_back(number_of<double>(values.substr(0, comma), "the value"));
    if (numbers.size() > NcnnLimits::kListMax) fail("a parameter has too many values");
    if (more) values.remove_prefix(comma + 1);
  }
  if (key <= kArrayKey) {
    key = -(key - kArrayKey);
    if (numbers[0] != static_cast<double>(numbers.size() - 1)) {
      fail("the array " + quoted(word) + " has " + std::to_string(numbers.size() - 1) +
           " values, which is not the count in front of them");
    }
    numbers.erase(numbers.begin());
  } else if (numbers.size() != 1) {
    fail(quoted(word) + " has several values");
  }
  if (!layer.parameters.emplace(key, std::move(numbers)).second) {
    fail("the key of " + quoted(word) + " is there twice");
  }
}

NcnnLayer ParamParser::read_layer(const std::vector<std::string_view>& words) const {
  if (words.size() < 4) fail("a layer needs a type, a name and two counts");
  NcnnLayer layer;
  layer.type = words[0];
  layer.name = words[1];
  const auto inputs = number_of<std::size_t>(words[2], "the number of inputs");
  const auto outputs = number_of<std::size_t>(words[3], "the number of outputs");
  if (inputs > NcnnLimits::kListMax || outputs > NcnnLimits::kListMax ||
      inputs + outputs > words.size() - 4) {
    fail("layer " + quoted(layer.name) + " has fewer input and output names than its counts");
  }
  std::size_t at = 4;
  for (std::size_t i = 0; i < inputs; ++i) layer.inputs.emplace_back(words[at++]);
  for (std::size_t i = 0; i < outputs; ++i) layer.outputs.emplace_back(words[at++]);
  if (words.size() - at > NcnnLimits::kListMax) fail("a layer has too many parameters");
  for (; at < words.size(); ++at) read_parameter(words[at], layer);
  return layer;
}

std::vector<NcnnLayer> ParamParser::parse() {
  if (rest_.size() > NcnnLimits::kParamBytesMax) {
    fail("it has " + std::to_string(rest_.size()) + " bytes, more than any known model");
  }
  if (next_line() != std::vector<std::string_view>{kMagic}) {
    fail("it does not begin with " + std::string(kMagic));
  }
  const std::vector<std::string_view> counts = next_line();
  if (counts.size() != 2) fail("it has no counts of layers and blobs");
  const auto count = number_of<std::size_t>(counts[0], "the number of layers");
  if (count > NcnnLimits::kLayersMax)
    fail("invalid number of layers " + std::string(counts[0]) + ": expected at most " +
         std::to_string(NcnnLimits::kLayersMax));
  std::vector<NcnnLayer> layers;
  std::set<std::string, std::less<>> names;
  for (auto words = next_line(); !words.empty(); words = next_line()) {
    if (layers.size() == count)
      fail("it has more layers than the " + std::to_string(count) + " of its second line");
    layers.push_back(read_layer(words));
    if (!names.insert(layers.back().name).second) {
      fail("layer " + quoted(layers.back().name) + " is there twice");
    }
  }
  if (layers.size() != count) {
    fail("it has " + std::to_string(layers.size()) + " of " + std::to_string(count) +
         " layers (truncated?)");
  }
  return layers;
}

class BinReader {
 public:
  BinReader(std::span<const std::byte> bin, const std::string& where) : bin_(bin), where_(where) {}

  std::vector<TensorInfo> locate(const std::vector<NcnnLayer>& layers);

 private:
  using Shape = std::vector<std::int64_t>;

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kCorruptData, where_ + ": broken ncnn weights: at byte " +
                                             std::to_string(at_) + ": " + what +
                                             "; download or copy both files again");
  }
  [[noreturn]] void unsupported(const NcnnLayer& layer) const {
    throw Error(ErrorCode::kUnsupported,
                where_ + ": the weights of layer " + quoted(layer.name) +
                    " are quantised to 8 bits, which is not read: use the fp16 or fp32 version");
  }
  std::int64_t size_of(const NcnnLayer& layer, int key, std::int64_t absent) const;
  std::uint32_t take_tag(const NcnnLayer& layer);
  void take(const std::string& name, Shape shape, WeightDtype dtype);
  void take_tagged(const NcnnLayer& layer, Shape shape);
  void take_bias(const NcnnLayer& layer, int key, std::int64_t out);
  void locate_convolution(const NcnnLayer& layer);
  void locate_inner_product(const NcnnLayer& layer);

  std::span<const std::byte> bin_;
  const std::string& where_;
  std::uint64_t at_ = 0;
  std::vector<TensorInfo> tensors_;
};

// A count that is at least 1 and so small that products of three of them do not overflow.
std::int64_t BinReader::size_of(const NcnnLayer& layer, int key, std::int64_t absent) const {
  const std::int64_t size = layer.integer(key, absent);
  if (size < 1 || size > (std::int64_t{1} << 20)) {
    fail("layer " + quoted(layer.name) + " has the impossible size " + std::to_string(size) +
         " for its parameter " + std::to_string(key));
  }
  return size;
}

std::uint32_t BinReader::take_tag(const NcnnLayer& layer) {
  if (bin_.size() - at_ < kTagBytes) {
    fail("the weights of layer " + quoted(layer.name) + " are missing (truncated?)");
  }
  std::uint32_t tag = 0;
  for (unsigned i = 0; i < kTagBytes; ++i) {
    tag |= std::to_integer<std::uint32_t>(bin_[at_ + i]) << (8 * i);
  }
  at_ += kTagBytes;
  return tag;
}

void BinReader::take(const std::string& name, Shape shape, WeightDtype dtype) {
  TensorInfo tensor;
  tensor.name = name;
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  tensor.offset = at_;
  tensor.bytes = tensor.elements() * weight_dtype_size(dtype);
  if (tensor.bytes > bin_.size() - at_) {
    fail("tensor " + quoted(name) + " of shape " + shape_text(tensor.shape) + " needs " +
         std::to_string(tensor.bytes) + " bytes of " + std::to_string(bin_.size() - at_) +
         " (truncated?)");
  }
  at_ += tensor.bytes;
  tensors_.push_back(std::move(tensor));
}

void BinReader::take_tagged(const NcnnLayer& layer, Shape shape) {
  const std::uint32_t tag = take_tag(layer);
  if (tag == kInt8Tag) unsupported(layer);
  if (tag != kFp16Tag && tag != kRawFp32Tag && tag != 0) {
    // Any other tag announces a table of 256 values and one byte for each weight.
    unsupported(layer);
  }
  take(layer.name + ".weight", std::move(shape),
       tag == kFp16Tag ? WeightDtype::kF16 : WeightDtype::kF32);
  const std::uint64_t padding = (kAlignment - at_ % kAlignment) % kAlignment;
  if (padding > bin_.size() - at_) {
    fail("the padding after layer " + quoted(layer.name) + " is missing (truncated?)");
  }
  at_ += padding;
}

void BinReader::take_bias(const NcnnLayer& layer, int key, std::int64_t out) {
  const std::int64_t has_bias = layer.integer(key, 0);
  if (has_bias == 1) take(layer.name + ".bias", {out}, WeightDtype::kF32);
  if (has_bias != 0 && has_bias != 1) {
    fail("layer " + quoted(layer.name) + " has the invalid bias term " + std::to_string(has_bias) +
         ": expected 0 or 1");
  }
}

void BinReader::locate_convolution(const NcnnLayer& layer) {
  if (layer.integer(8, 0) != 0) unsupported(layer);  // int8_scale_term
  const std::int64_t out = size_of(layer, 0, 0), width = size_of(layer, 1, 0);
  const std::int64_t height = size_of(layer, 11, width);
  const std::int64_t weights = layer.integer(6, 0), per_input = out * width * height;
  if (weights < 1 || weights % per_input != 0) {
    fail("layer " + quoted(layer.name) + " has " + std::to_string(weights) +
         " weights for kernels of " + std::to_string(per_input));
  }
  take_tagged(layer, {out, weights / per_input, height, width});
  take_bias(layer, 5, out);
}

void BinReader::locate_inner_product(const NcnnLayer& layer) {
  if (layer.integer(8, 0) != 0) unsupported(layer);
  const std::int64_t out = size_of(layer, 0, 0), weights = layer.integer(2, 0);
  if (weights < 1 || weights % out != 0) {
    fail("layer " + quoted(layer.name) + " has " + std::to_string(weights) + " weights for " +
         std::to_string(out) + " outputs");
  }
  take_tagged(layer, {out, weights / out});
  take_bias(layer, 1, out);
}

std::vector<TensorInfo> BinReader::locate(const std::vector<NcnnLayer>& layers) {
  for (const NcnnLayer& layer : layers) {
    if (layer.type == "Convolution") {
      locate_convolution(layer);
    } else if (layer.type == "InnerProduct") {
      locate_inner_product(layer);
    } else if (layer.type == "PReLU") {
      take(layer.name + ".weight", {size_of(layer, 0, 0)}, WeightDtype::kF32);
    }
  }
  if (at_ != bin_.size()) {
    fail(std::to_string(bin_.size() - at_) +
         " bytes belong to no layer: the two files are of different models, or a layer is of a "
         "kind whose weights are not read here");
  }
  return std::move(tensors_);
}

}  // namespace

double NcnnLayer::number(int key, double absent) const {
  const auto found = parameters.find(key);
  return found == parameters.end() || found->second.size() != 1 ? absent : found->second[0];
}

std::int64_t NcnnLayer::integer(int key, std::int64_t absent) const {
  const double value = number(key, static_cast<double>(absent));
  const bool fits = std::abs(value) < 0x1p53 && value == std::floor(value);
  return fits ? static_cast<std::int64_t>(value) : absent;
}

bool looks_like_ncnn_param(std::string_view text) {
  if (!text.starts_with(kMagic)) return false;
  text.remove_prefix(kMagic.size());
  return text.starts_with("\n") || text.starts_with("\r\n");
}

NcnnModel parse_ncnn(std::string_view param, std::span<const std::byte> bin,
                     const std::string& where) {
  NcnnModel model;
  model.layers = ParamParser(param, where).parse();
  model.tensors = BinReader(bin, where).locate(model.layers);
  return model;
}

std::vector<NcnnLayer> without_splits(const std::vector<NcnnLayer>& layers) {
  std::map<std::string, std::string, std::less<>> copies;  // output of a Split -> what it copies
  std::vector<NcnnLayer> others;
  for (NcnnLayer layer : layers) {
    for (std::string& input : layer.inputs) {
      const auto copied = copies.find(input);
      if (copied != copies.end()) input = copied->second;
    }
    if (layer.type != "Split" || layer.inputs.size() != 1) {
      others.push_back(std::move(layer));
      continue;
    }
    for (const std::string& output : layer.outputs) copies[output] = layer.inputs[0];
  }
  return others;
}

}  // namespace atelier::engine
