#include "engine/nn/bf16_winograd.h"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/nn/bf16_gemm.h"
#include "platform/check.h"

namespace atelier::engine {
namespace {

constexpr std::int64_t kOutputs = 2;  // of a tile along one side
// Transformed inputs of the tiles that one thread takes at a time: half of a 1 MiB L2.
constexpr std::int64_t kOwnBytes = std::int64_t{512} << 10;
constexpr std::int64_t kOwnTilesMin = 36, kOwnTilesMax = 96;
// Those that all threads share when weights are larger than pictures: part of an L3.
constexpr std::int64_t kSharedBytes = std::int64_t{12} << 20;
constexpr std::int64_t kSharedTilesMax = 264;
constexpr std::int64_t kOwnBlocksPerThread = 4;  // fewer: the blocks are shared out too unevenly

std::int64_t whole(std::int64_t value, std::int64_t of) { return (value + of - 1) / of; }

// Parameters of all stages.
struct Work {
  const PackedWinograd& weight;
  const Bf16* input;
  const Bf16* residual;  // or null
  const float* bias;     // [1 or batch][panels * 32]
  std::int64_t bias_stride;
  Bf16* output;
  std::int64_t batch, in_height, in_width, height, width;
  std::int64_t tiles_down, tiles_across;

  std::int64_t tiles() const { return batch * tiles_down * tiles_across; }
  int points() const { return winograd_points(weight.kind); }
  std::int64_t bytes_of_tile() const { return points() * weight.padded_in() * 2; }
};

// Where transformed tiles lie: [point][tile][channel], borders of an odd number of cache lines so
// that rows do not compete for the same sets of a cache.
struct Planes {
  Bf16* data;
  std::int64_t row, plane;
};

Planes planes_in(void* memory, const Work& work, std::int64_t tiles) {
  const std::int64_t lines = whole(work.weight.padded_in() * 2, 64) | 1;
  const std::int64_t row = lines * 32;
  return {static_cast<Bf16*>(memory), row, (tiles * lines | 1) * 32};
}

std::size_t bytes_of_planes(const Work& work, std::int64_t tiles) {
  return static_cast<std::size_t>(work.points() * (planes_in(nullptr, work, tiles).plane) * 2);
}

struct TilePlace {
  std::int64_t image, top, left;  // of its first output
};

TilePlace place_of(const Work& work, std::int64_t tile) {
  const std::int64_t per_image = work.tiles_down * work.tiles_across;
  const std::int64_t within = tile % per_image;
  return {tile / per_image, within / work.tiles_across * kOutputs,
          within % work.tiles_across * kOutputs};
}

const Bf16* zeros_of(std::int64_t count) {
  static thread_local std::vector<Bf16> zeros;
  if (zeros.size() < static_cast<std::size_t>(count)) zeros.resize(static_cast<std::size_t>(count));
  return zeros.data();
}

// Tiles [first, first + count) -> planes, from row `at` on.
void transform_inputs(const Work& work, std::int64_t first, std::int64_t count, std::int64_t at,
                      const Planes& planes) {
  const std::int64_t channels = work.weight.in;
  const int side = winograd_side(work.weight.kind);
  const std::int64_t shrink = work.weight.kind == Winograd::kUpsampled ? 2 : 1;
  const Bf16* outside = zeros_of(channels);
  std::array<const Bf16*, 16> pixels{};
  for (std::int64_t t = 0; t < count; ++t) {
    const TilePlace place = place_of(work, first + t);
    for (int i = 0; i < side; ++i) {
      for (int j = 0; j < side; ++j) {
        const std::int64_t y = place.top / shrink + i - 1, x = place.left / shrink + j - 1;
        const bool inside = y >= 0 && y < work.in_height && x >= 0 && x < work.in_width;
        pixels[static_cast<std::size_t>(i * side + j)] =
            inside
                ? work.input + ((place.image * work.in_height + y) * work.in_width + x) * channels
                : outside;
      }
    }
    winograd_input(work.weight.kind,
                   {pixels.data(), channels, planes.data + (at + t) * planes.row, planes.plane});
  }
}

// products [point][tile][32] of one panel -> pixels.
void transform_outputs(const Work& work, std::int64_t panel, std::int64_t first, std::int64_t count,
                       const float* products) {
  const std::int64_t channels = work.weight.out, column = panel * kPanelColumns;
  std::array<Bf16*, 4> pixels{};
  std::array<const Bf16*, 4> residuals{};
  Bf16WinogradOutput tile;
  tile.plane = count * kPanelColumns;
  tile.columns = std::min(kPanelColumns, channels - column);
  tile.pixels = pixels.data();
  tile.residuals = work.residual == nullptr ? nullptr : residuals.data();
  for (std::int64_t t = 0; t < count; ++t) {
    const TilePlace place = place_of(work, first + t);
    for (std::int64_t i = 0; i < 4; ++i) {
      const std::int64_t y = place.top + i / 2, x = place.left + i % 2;
      const std::int64_t offset =
          ((place.image * work.height + y) * work.width + x) * channels + column;
      const bool inside = y < work.height && x < work.width;
      const auto index = static_cast<std::size_t>(i);
      pixels[index] = inside ? work.output + offset : nullptr;
      if (inside && work.residual != nullptr) residuals[index] = work.residual + offset;
    }
    tile.products = products + t * kPanelColumns;
    tile.bias = work.bias + place.image * work.bias_stride + column;
    tile.cut_below = place.top + 1 >= work.height;
    tile.cut_right = place.left + 1 >= work.width;
    winograd_output(work.weight.kind, tile);
  }
}

// The tiles [first, first + count), which lie in `planes` from its first row on, of panels [begin,
// end).
void multiply_panels(const Work& work, const Planes& planes, std::int64_t first, std::int64_t count,
                     std::int64_t begin, std::int64_t end) {
  const std::int64_t pairs = work.weight.padded_in() / 2, points = work.points();
  const std::int64_t sums = points * count * kPanelColumns;
  const std::int64_t unit = product_block().rows;
  const std::int64_t waiting = whole(count, unit) * unit * kPanelColumns;
  auto* products = static_cast<float*>(thread_scratch(
      ScratchSlot::kThread, static_cast<std::size_t>(sums + waiting) * sizeof(float)));
  PanelProduct product;
  product.a_stride = planes.row;
  product.rows = count;
  product.pairs = pairs;
  product.waiting = products + sums;
  product.output.kind = PanelOutput::Kind::kFloat;
  product.output.stride = kPanelColumns;
  product.output.columns = kPanelColumns;
  for (std::int64_t panel = begin; panel < end; ++panel) {
    for (std::int64_t point = 0; point < points; ++point) {
      product.a = planes.data + point * planes.plane;
      product.panel = work.weight.data.get() + (panel * points + point) * pairs * 2 * kPanelColumns;
      product.output.out = products + point * count * kPanelColumns;
      multiply_panel(product);
    }
    transform_outputs(work, panel, first, count, products);
  }
}

// Large pictures: every thread takes blocks of tiles through all stages.
void run_by_blocks(const Work& work, std::int64_t block) {
  at::parallel_for(0, whole(work.tiles(), block), 1, [&](std::int64_t begin, std::int64_t end) {
    const Planes planes =
        planes_in(thread_scratch(ScratchSlot::kPicture, bytes_of_planes(work, block)), work, block);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t count = std::min(block, work.tiles() - i * block);
      transform_inputs(work, i * block, count, 0, planes);
      multiply_panels(work, planes, i * block, count, 0, work.weight.panels());
    }
  });
}

// Many channels: the weights are what passes through the caches, so that every thread takes some of
// the panels for all tiles.
void run_by_panels(const Work& work, std::int64_t round) {
  const Planes planes =
      planes_in(thread_scratch(ScratchSlot::kPicture, bytes_of_planes(work, round)), work, round);
  for (std::int64_t first = 0; first < work.tiles(); first += round) {
    const std::int64_t count = std::min(round, work.tiles() - first);
    at::parallel_for(0, count, 4, [&](std::int64_t begin, std::int64_t end) {
      transform_inputs(work, first + begin, end - begin, begin, planes);
    });
    at::parallel_for(0, work.weight.panels(), 1, [&](std::int64_t begin, std::int64_t end) {
      multiply_panels(work, planes, first, count, begin, end);
    });
  }
}

void run(const Work& work) {
  const std::int64_t unit = product_block().rows;
  const std::int64_t fitting = kOwnBytes / work.bytes_of_tile() / unit * unit;
  const std::int64_t block = std::min(fitting, kOwnTilesMax);
  if (block >= kOwnTilesMin &&
      work.tiles() >= block * kOwnBlocksPerThread * at::get_num_threads()) {
    run_by_blocks(work, block);
    return;
  }
  const std::int64_t most =
      std::clamp(kSharedBytes / work.bytes_of_tile() / unit * unit, unit, kSharedTilesMax);
  // Rounds of equal size, whole register tiles each.
  const std::int64_t rounds = whole(work.tiles(), most);
  run_by_panels(work, whole(whole(work.tiles(), rounds), unit) * unit);
}

Bf16* bf16_data(const Tensor& x) { return static_cast<Bf16*>(x.data_ptr()); }

}  // namespace

PackedWinograd pack_winograd(WeightArena& arena, const Tensor& weight, Winograd kind) {
  CHECK(weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3);
  const Tensor source = as_weight(weight);
  const WeightFormat format = weight_format(source);
  PackedWinograd packed;
  packed.kind = kind;
  packed.in = source.size(1);
  packed.out = source.size(0);
  const std::int64_t panel_size = winograd_points(kind) * packed.padded_in() * kPanelColumns;
  const std::shared_ptr<Bf16> data = arena.take(packed.panels() * panel_size);
  const auto* first = static_cast<const std::byte*>(source.data_ptr());
  const std::int64_t column_bytes =
      packed.in * 9 * static_cast<std::int64_t>(source.element_size());
  at::parallel_for(0, packed.panels(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      PanelSource columns;
      columns.format = format;
      columns.k = packed.in * 9;
      for (std::int64_t i = 0; i < std::min(kPanelColumns, packed.out - panel * kPanelColumns);
           ++i) {
        columns.columns[i] = first + (panel * kPanelColumns + i) * column_bytes;
      }
      pack_winograd_panel(kind, columns, packed.in, data.get() + panel * panel_size);
    }
  });
  packed.data = data;
  return packed;
}

Tensor winograd_bf16(const WinogradCall& call, const PackedWinograd& weight) {
  const Tensor& x = call.input;
  CHECK(x.dim() == 4 && x.size(1) == weight.in && x.scalar_type() == at::kBFloat16);
  CHECK(x.is_contiguous(at::MemoryFormat::ChannelsLast));
  const std::int64_t batch = x.size(0), twice = weight.kind == Winograd::kUpsampled ? 2 : 1;
  const auto fits = [&](std::int64_t out, std::int64_t in) {
    return out == twice * in || (twice == 2 && out == 2 * in - 1);
  };
  CHECK(fits(call.height, x.size(2)) && fits(call.width, x.size(3)));
  CHECK(call.bias.dim() == 2 && call.bias.size(1) == weight.out &&
        (call.bias.size(0) == 1 || call.bias.size(0) == batch));
  const Tensor out = at::empty({batch, weight.out, call.height, call.width},
                               x.options().memory_format(at::MemoryFormat::ChannelsLast));
  const Tensor bias = at::constant_pad_nd(call.bias.contiguous(),
                                          {0, weight.panels() * kPanelColumns - weight.out});
  const Tensor residual = call.residual.defined()
                              ? call.residual.contiguous(at::MemoryFormat::ChannelsLast)
                              : call.residual;
  CHECK(!residual.defined() ||
        (residual.sizes() == out.sizes() && residual.scalar_type() == at::kBFloat16));
  run({weight, bf16_data(x), residual.defined() ? bf16_data(residual) : nullptr,
       bias.data_ptr<float>(), bias.size(0) == 1 ? 0 : bias.size(1), bf16_data(out), batch,
       x.size(2), x.size(3), call.height, call.width, whole(call.height, kOutputs),
       whole(call.width, kOutputs)});
  return out;
}

}  // namespace atelier::engine
