#include "picture_check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

namespace atelier::starter {
namespace {

using Rgb = std::array<double, 3>;

// Two colours that may stand on each other are at least 75 apart; half of that is an edge.
constexpr double kEdgeDistance = 38;
// The smallest shape that is drawn covers about 1 % of the picture.
constexpr double kSmallestShare = 0.0045;
// Below this overlap with every ideal shape, the object has no name.
constexpr double kWorstFit = 0.6;

double distance(const Rgb& a, const Rgb& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

Colour nearest_colour(const Rgb& rgb) {
  const auto off = [&](const std::array<int, 3>& colour) {
    return std::hypot(colour[0] - rgb[0], colour[1] - rgb[1], colour[2] - rgb[2]);
  };
  const auto nearer = [&](const auto& a, const auto& b) { return off(a) < off(b); };
  return static_cast<Colour>(std::min_element(kPalette.begin(), kPalette.end(), nearer) -
                             kPalette.begin());
}

// Median of each channel; `pixels` must not be empty.
Rgb median_of(std::vector<Rgb> pixels) {
  Rgb result{};
  const auto middle = pixels.begin() + static_cast<std::ptrdiff_t>(pixels.size() / 2);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    std::nth_element(pixels.begin(), middle, pixels.end(),
                     [channel](const Rgb& a, const Rgb& b) { return a[channel] < b[channel]; });
    result[channel] = (*middle)[channel];
  }
  return result;
}

struct Grid {
  int width;
  int height;

  std::size_t size() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
  int x(std::size_t index) const {
    return static_cast<int>(index % static_cast<std::size_t>(width));
  }
  int y(std::size_t index) const {
    return static_cast<int>(index / static_cast<std::size_t>(width));
  }
  std::size_t at(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
           static_cast<std::size_t>(x);
  }
};

// The commonest colour of the outer frame; shapes rarely reach it and never fill it.
Rgb background_of(const Grid& grid, const std::vector<Rgb>& pixels) {
  const int frame = std::max(2, std::min(grid.width, grid.height) / 24);
  std::array<std::vector<Rgb>, kPalette.size()> votes;
  for (std::size_t index = 0; index < pixels.size(); ++index) {
    const int x = grid.x(index), y = grid.y(index);
    if (x < frame || y < frame || x >= grid.width - frame || y >= grid.height - frame) {
      votes[static_cast<std::size_t>(nearest_colour(pixels[index]))].push_back(pixels[index]);
    }
  }
  return median_of(*std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) {
    return a.size() < b.size();
  }));
}

// Groups of touching pixels (with corners) whose weight is at least one half.
std::vector<std::vector<std::size_t>> components(const Grid& grid,
                                                 const std::vector<double>& weight) {
  std::vector<std::vector<std::size_t>> found;
  std::vector<bool> done(weight.size(), false);
  for (std::size_t start = 0; start < weight.size(); ++start) {
    if (done[start] || weight[start] < 0.5) continue;
    std::vector<std::size_t> member = {start};
    done[start] = true;
    for (std::size_t next = 0; next < member.size(); ++next) {
      const int cx = grid.x(member[next]), cy = grid.y(member[next]);
      for (int y = std::max(0, cy - 1); y <= std::min(grid.height - 1, cy + 1); ++y) {
        for (int x = std::max(0, cx - 1); x <= std::min(grid.width - 1, cx + 1); ++x) {
          const std::size_t index = grid.at(x, y);
          if (done[index] || weight[index] < 0.5) continue;
          done[index] = true;
          member.push_back(index);
        }
      }
    }
    found.push_back(std::move(member));
  }
  return found;
}

// The colour of the third of the pixels that is farthest from the background: edges are mixtures.
Rgb core_colour(const std::vector<std::size_t>& member, const std::vector<Rgb>& pixels,
                const Rgb& background) {
  std::vector<std::size_t> order = member;
  const std::size_t kept = std::max<std::size_t>(1, member.size() * 2 / 5);
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept - 1),
                   order.end(), [&](std::size_t a, std::size_t b) {
                     return distance(pixels[a], background) > distance(pixels[b], background);
                   });
  std::vector<Rgb> core;
  for (std::size_t index = 0; index < kept; ++index) core.push_back(pixels[order[index]]);
  return median_of(std::move(core));
}

// How much of each pixel the object covers, computed from where its colour lies between the
// background's and the object's; only within reach of the component.
std::vector<double> coverage_of(const Grid& grid, const std::vector<std::size_t>& member,
                                const std::vector<Rgb>& pixels, const Rgb& background,
                                const Rgb& core) {
  std::vector<double> coverage(grid.size(), 0.0);
  double square = 0;
  for (std::size_t c = 0; c < 3; ++c)
    square += (core[c] - background[c]) * (core[c] - background[c]);
  constexpr int kReach = 2;
  for (const std::size_t index : member) {
    const int cx = grid.x(index), cy = grid.y(index);
    for (int y = std::max(0, cy - kReach); y <= std::min(grid.height - 1, cy + kReach); ++y) {
      for (int x = std::max(0, cx - kReach); x <= std::min(grid.width - 1, cx + kReach); ++x) {
        const std::size_t at = grid.at(x, y);
        double along = 0;
        for (std::size_t c = 0; c < 3; ++c) {
          along += (pixels[at][c] - background[c]) * (core[c] - background[c]);
        }
        coverage[at] = std::clamp(along / square, 0.0, 1.0);
      }
    }
  }
  return coverage;
}

struct Moments {
  double area = 0;  // pixels
  double x = 0;     // pixels
  double y = 0;
};

Moments moments_of(const Grid& grid, const std::vector<double>& coverage) {
  Moments sum;
  for (std::size_t index = 0; index < coverage.size(); ++index) {
    if (coverage[index] <= 0) continue;
    sum.area += coverage[index];
    sum.x += coverage[index] * (grid.x(index) + 0.5);
    sum.y += coverage[index] * (grid.y(index) + 0.5);
  }
  sum.x /= sum.area;
  sum.y /= sum.area;
  return sum;
}

// Whether (x, y) lies in the ideal shape around its centre of mass; y down.
bool inside(Shape shape, double x, double y) {
  const double length = std::hypot(x, y);
  switch (shape) {
    case Shape::kCircle:
      return length < 1;
    case Shape::kSquare:
      return std::max(std::abs(x), std::abs(y)) < 1;
    case Shape::kTriangle:
      return y < 0.5 && std::abs(x) * std::sqrt(3.0) - y < 1;
    case Shape::kStar: {
      constexpr double kFifth = 0.4 * 3.14159265358979323846;
      constexpr double kNotch = 0.435;  // radius of the notches over that of the tips
      double angle = std::fmod(std::atan2(x, -y) + 2.5 * kFifth, kFifth);
      angle = std::abs(angle - kFifth / 2);
      const double along = length * std::cos(angle), across = length * std::sin(angle);
      const double notch_x = kNotch * std::cos(kFifth / 2), notch_y = kNotch * std::sin(kFifth / 2);
      return (along - 1) * notch_y + across * (1 - notch_x) < 0;
    }
    case Shape::kRing:
      return length < 1 && length > 0.56;
    case Shape::kCross: {
      const double a = std::abs(x), b = std::abs(y);
      return std::max(a, b) < 1 && std::min(a, b) < 0.32;
    }
    case Shape::kUnknown:
      break;
  }
  return false;
}

double unit_area(Shape shape) {
  constexpr int kSteps = 200;
  int hits = 0;
  for (int row = 0; row < kSteps; ++row) {
    for (int column = 0; column < kSteps; ++column) {
      const double x = (column + 0.5) * 2.4 / kSteps - 1.2, y = (row + 0.5) * 2.4 / kSteps - 1.2;
      hits += inside(shape, x, y) ? 1 : 0;
    }
  }
  return hits * (2.4 / kSteps) * (2.4 / kSteps);
}

// Intersection over union of the coverage and the ideal shape of the same area and centre.
double overlap(Shape shape, const Grid& grid, const std::vector<double>& coverage,
               const Moments& moments) {
  static const std::array<double, 6> areas = [] {
    std::array<double, 6> result{};
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = unit_area(static_cast<Shape>(i));
    return result;
  }();
  const double radius = std::sqrt(moments.area / areas[static_cast<std::size_t>(shape)]);
  const double reach = 1.2 * radius + 2;
  double both = 0, either = 0, counted = 0;
  constexpr int kSub = 2;  // samples per pixel side
  const int left = std::max(0, static_cast<int>(moments.x - reach));
  const int right = std::min(grid.width - 1, static_cast<int>(moments.x + reach));
  const int top = std::max(0, static_cast<int>(moments.y - reach));
  const int bottom = std::min(grid.height - 1, static_cast<int>(moments.y + reach));
  for (int y = top; y <= bottom; ++y) {
    for (int x = left; x <= right; ++x) {
      int hits = 0;
      for (int sub = 0; sub < kSub * kSub; ++sub) {
        const int sub_column = sub % kSub, sub_row = sub / kSub;
        const double px = x + (sub_column + 0.5) / kSub, py = y + (sub_row + 0.5) / kSub;
        hits += inside(shape, (px - moments.x) / radius, (py - moments.y) / radius) ? 1 : 0;
      }
      const double ideal = hits / static_cast<double>(kSub * kSub);
      const double real = coverage[grid.at(x, y)];
      both += std::min(ideal, real);
      either += std::max(ideal, real);
      counted += real;
    }
  }
  return both / (either + std::max(0.0, moments.area - counted));
}

void name_shape(const Grid& grid, const std::vector<double>& coverage, const Moments& moments,
                SeenObject& object) {
  for (int shape = 0; shape < static_cast<int>(Shape::kUnknown); ++shape) {
    const double fit = overlap(static_cast<Shape>(shape), grid, coverage, moments);
    if (fit <= object.fit) continue;
    object.fit = fit;
    object.shape = static_cast<Shape>(shape);
  }
  if (object.fit < kWorstFit) object.shape = Shape::kUnknown;
}

bool stands_at(const SeenObject& object, Place place) {
  constexpr double kLow = 0.42, kHigh = 0.58;
  const bool left = object.x<kLow, right = object.x> kHigh;
  const bool top = object.y<kLow, bottom = object.y> kHigh;
  switch (place) {
    case Place::kAnywhere:
      return true;
    case Place::kLeft:
      return left && !top && !bottom;
    case Place::kRight:
      return right && !top && !bottom;
    case Place::kTop:
      return top && !left && !right;
    case Place::kBottom:
      return bottom && !left && !right;
    case Place::kTopLeft:
      return top && left;
    case Place::kTopRight:
      return top && right;
    case Place::kBottomLeft:
      return bottom && left;
    case Place::kBottomRight:
      return bottom && right;
    case Place::kCentre:
      return !left && !right && !top && !bottom;
  }
  return false;
}

bool stand_so(const SeenObject& first, const SeenObject& second, Relation relation) {
  const double right = second.x - first.x, down = second.y - first.y;
  constexpr double kClear = 0.15;
  switch (relation) {
    case Relation::kNone:
      return true;
    case Relation::kLeftOf:
      return right > kClear && right > std::abs(down);
    case Relation::kRightOf:
      return -right > kClear && -right > std::abs(down);
    case Relation::kAbove:
      return down > kClear && down > std::abs(right);
    case Relation::kBelow:
      return -down > kClear && -down > std::abs(right);
  }
  return false;
}

std::string in_words(const Seen& seen) {
  std::string words;
  for (const SeenObject& object : seen.objects) {
    words += std::string(kColourNames[static_cast<std::size_t>(object.colour)]) + " " +
             std::string(kShapeNames[static_cast<std::size_t>(object.shape)]) + " at " +
             std::to_string(static_cast<int>(std::lround(object.x * 100))) + "," +
             std::to_string(static_cast<int>(std::lround(object.y * 100))) + " % ";
  }
  return words + "on " + std::string(kColourNames[static_cast<std::size_t>(seen.background)]);
}

template <typename Value, std::size_t kCount>
std::optional<Value> named(const std::array<std::string_view, kCount>& names,
                           std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Value>(found - names.begin());
}

Verdict judge_in_order(const Seen& seen, const std::vector<std::size_t>& order,
                       const Expectation& expected) {
  Verdict verdict;
  verdict.background = !expected.background || *expected.background == seen.background;
  verdict.count = true;
  verdict.colours = verdict.shapes = verdict.places = true;
  for (std::size_t index = 0; index < order.size(); ++index) {
    const SeenObject& object = seen.objects[order[index]];
    const ExpectedObject& wanted = expected.objects[index];
    verdict.colours = verdict.colours && object.colour == wanted.colour;
    verdict.shapes = verdict.shapes && object.shape == wanted.shape;
    verdict.places = verdict.places && stands_at(object, wanted.place);
  }
  verdict.relation = order.size() < 2 ||
                     stand_so(seen.objects[order[0]], seen.objects[order[1]], expected.relation);
  return verdict;
}

int score(const Verdict& verdict) {
  return 2 * (verdict.colours ? 1 : 0) + 2 * (verdict.shapes ? 1 : 0) + (verdict.places ? 1 : 0) +
         (verdict.relation ? 1 : 0);
}

}  // namespace

std::optional<Colour> colour_named(std::string_view name) {
  return named<Colour>(kColourNames, name == "grey" ? "gray" : name);
}
std::optional<Shape> shape_named(std::string_view name) { return named<Shape>(kShapeNames, name); }
std::optional<Place> place_named(std::string_view name) { return named<Place>(kPlaceNames, name); }
std::optional<Relation> relation_named(std::string_view name) {
  return named<Relation>(kRelationNames, name);
}

Seen look(const Picture& picture) {
  const Grid grid{picture.width, picture.height};
  Seen seen;
  if (grid.width < 8 || grid.height < 8 || picture.rgb.size() != grid.size() * 3) return seen;
  std::vector<Rgb> pixels(grid.size());
  for (std::size_t index = 0; index < pixels.size(); ++index) {
    for (std::size_t c = 0; c < 3; ++c) pixels[index][c] = picture.rgb[index * 3 + c];
  }
  const Rgb background = background_of(grid, pixels);
  seen.background = nearest_colour(background);
  std::vector<double> differs(pixels.size());
  for (std::size_t index = 0; index < pixels.size(); ++index) {
    differs[index] = distance(pixels[index], background) > kEdgeDistance ? 1 : 0;
  }
  const double smallest = kSmallestShare * static_cast<double>(grid.size());
  for (const std::vector<std::size_t>& member : components(grid, differs)) {
    if (static_cast<double>(member.size()) < smallest) continue;
    const Rgb core = core_colour(member, pixels, background);
    const std::vector<double> coverage = coverage_of(grid, member, pixels, background, core);
    const Moments moments = moments_of(grid, coverage);
    SeenObject object;
    object.colour = nearest_colour(core);
    object.x = moments.x / grid.width;
    object.y = moments.y / grid.height;
    object.radius =
        std::sqrt(moments.area / 3.14159265358979323846) / std::min(grid.width, grid.height);
    name_shape(grid, coverage, moments, object);
    seen.objects.push_back(object);
  }
  std::stable_sort(seen.objects.begin(), seen.objects.end(),
                   [](const SeenObject& a, const SeenObject& b) { return a.radius > b.radius; });
  return seen;
}

Verdict judge(const Seen& seen, const Expectation& expected) {
  Verdict best;
  best.background = !expected.background || *expected.background == seen.background;
  if (seen.objects.size() == expected.objects.size()) {
    std::vector<std::size_t> order(seen.objects.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    int best_score = -1;
    do {
      const Verdict verdict = judge_in_order(seen, order, expected);
      if (score(verdict) <= best_score) continue;
      best_score = score(verdict);
      best = verdict;
    } while (std::next_permutation(order.begin(), order.end()));
  }
  best.seen = in_words(seen);
  return best;
}

Verdict judge(const Picture& picture, const Expectation& expected) {
  return judge(look(picture), expected);
}

}  // namespace atelier::starter
