// Draws scenes of known content for the analyser's own test: the shapes of tools/starter/draw.py,
// written a second time on purpose (in whole samples per pixel instead of signed distances), so
// that a mistake in one of the two shows.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "picture_check.h"

namespace atelier::starter {

struct DrawnScene {
  int width = 128;
  int height = 128;
  std::vector<std::uint8_t> rgb;
  Expectation truth;

  Picture picture() const { return {width, height, rgb}; }
};

namespace drawn {

using Rgb = std::array<int, 3>;

struct Point {
  double x;
  double y;
};

// Even-odd rule.
inline bool in_polygon(const std::vector<Point>& corners, double x, double y) {
  bool in = false;
  for (std::size_t i = 0, j = corners.size() - 1; i < corners.size(); j = i++) {
    const Point a = corners[i], b = corners[j];
    if ((a.y > y) != (b.y > y) && x < (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x) in = !in;
  }
  return in;
}

inline std::vector<Point> corners_of(Shape shape) {
  constexpr double kTurn = 2 * 3.14159265358979323846;
  std::vector<Point> corners;
  if (shape == Shape::kSquare) {
    corners = {{-.87, -.87}, {.87, -.87}, {.87, .87}, {-.87, .87}};
  } else if (shape == Shape::kTriangle) {
    for (int i = 0; i < 3; ++i) {
      corners.push_back({1.2 * std::sin(kTurn * i / 3), 0.22 - 1.2 * std::cos(kTurn * i / 3)});
    }
  } else if (shape == Shape::kStar) {
    for (int i = 0; i < 10; ++i) {
      const double radius = i % 2 == 0 ? 1.15 : 0.5;
      corners.push_back({radius * std::sin(kTurn * i / 10), -radius * std::cos(kTurn * i / 10)});
    }
  } else if (shape == Shape::kCross) {
    constexpr double kArm = 0.32;
    corners = {{-kArm, -1}, {kArm, -1}, {kArm, -kArm}, {1, -kArm}, {1, kArm},   {kArm, kArm},
               {kArm, 1},   {-kArm, 1}, {-kArm, kArm}, {-1, kArm}, {-1, -kArm}, {-kArm, -kArm}};
  }
  return corners;
}

inline void paint(DrawnScene& scene, Shape shape, const Rgb& colour, Point centre, double radius) {
  const std::vector<Point> corners = corners_of(shape);
  constexpr int kSub = 4;
  const auto reach = [radius](double middle, int side) {  // [first, last) of rows or columns
    return std::pair(std::max(0, static_cast<int>(middle - 1.25 * radius)),
                     std::min(side, static_cast<int>(middle + 1.25 * radius) + 1));
  };
  const auto [top, bottom] = reach(centre.y, scene.height);
  const auto [left, right] = reach(centre.x, scene.width);
  for (int row = top; row < bottom; ++row) {
    for (int column = left; column < right; ++column) {
      int hits = 0;
      for (int sub = 0; sub < kSub * kSub; ++sub) {
        const int sub_column = sub % kSub, sub_row = sub / kSub;
        const double x = (column + (sub_column + 0.5) / kSub - centre.x) / radius;
        const double y = (row + (sub_row + 0.5) / kSub - centre.y) / radius;
        const double length = std::hypot(x, y);
        const bool in = shape == Shape::kCircle ? length < 1
                        : shape == Shape::kRing ? length < 1 && length > 0.56
                                                : in_polygon(corners, x, y);
        hits += in ? 1 : 0;
      }
      for (std::size_t c = 0; c < 3; ++c) {
        std::uint8_t& value =
            scene.rgb[static_cast<std::size_t>((row * scene.width + column) * 3) + c];
        value = static_cast<std::uint8_t>(
            (value * (kSub * kSub - hits) + colour[c] * hits + kSub * kSub / 2) / (kSub * kSub));
      }
    }
  }
}

// What a small autoencoder does to a picture: a 3x3 box blur and a little noise.
inline void wear(DrawnScene& scene, std::mt19937& random) {
  const std::vector<std::uint8_t> before = scene.rgb;
  for (int y = 0; y < scene.height; ++y) {
    for (int x = 0; x < scene.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        int sum = 0;
        for (int step = 0; step < 9; ++step) {
          const int sy = std::clamp(y + step / 3 - 1, 0, scene.height - 1);
          const int sx = std::clamp(x + step % 3 - 1, 0, scene.width - 1);
          sum += before[static_cast<std::size_t>((sy * scene.width + sx) * 3 + c)];
        }
        const int noise = static_cast<int>(random() % 13) - 6;
        scene.rgb[static_cast<std::size_t>((y * scene.width + x) * 3 + c)] =
            static_cast<std::uint8_t>(std::clamp(sum / 9 + noise, 0, 255));
      }
    }
  }
}

inline Rgb shade(Colour colour, std::mt19937& random) {
  Rgb result = kPalette[static_cast<std::size_t>(colour)];
  for (int& value : result) {
    value = std::clamp(value + static_cast<int>(random() % 13) - 6, 0, 255);
  }
  return result;
}

inline Colour colour_apart_from(Colour other, std::mt19937& random) {
  while (true) {
    const auto colour = static_cast<Colour>(random() % kPalette.size());
    const Rgb &a = kPalette[static_cast<std::size_t>(colour)],
              &b = kPalette[static_cast<std::size_t>(other)];
    if (std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) > 75) return colour;
  }
}

inline double between(double low, double high, std::mt19937& random) {
  return low + (high - low) * static_cast<double>(random() % 10000) / 10000.0;
}

}  // namespace drawn

// One or two shapes, by the rules of tools/starter/grammar.py; the same seed, the same scene.
inline DrawnScene draw_truth(std::uint32_t seed, bool worn) {
  std::mt19937 random(seed);
  DrawnScene scene;
  if (seed % 8 == 7) scene.width = 160;
  if (seed % 8 == 6) scene.height = 96;
  const auto background = static_cast<Colour>(random() % 12);
  scene.truth.background = background;
  const drawn::Rgb ground = drawn::shade(background, random);
  for (int pixel = 0; pixel < scene.width * scene.height; ++pixel) {
    for (const int value : ground) scene.rgb.push_back(static_cast<std::uint8_t>(value));
  }
  const double side = std::min(scene.width, scene.height);
  const auto add = [&](double x, double y, double radius, Place place) {
    const auto shape = static_cast<Shape>(random() % 6);
    const Colour colour = drawn::colour_apart_from(background, random);
    drawn::paint(scene, shape, drawn::shade(colour, random), {x * scene.width, y * scene.height},
                 radius * side);
    scene.truth.objects.push_back({shape, colour, place});
  };
  const auto near = [&](double value) { return value + drawn::between(-0.025, 0.025, random); };
  if (random() % 2 == 0) {
    const int place = static_cast<int>(random() % 10);
    constexpr std::array<drawn::Point, 10> kCentres = {{{.5, .5},
                                                        {.24, .5},
                                                        {.76, .5},
                                                        {.5, .24},
                                                        {.5, .76},
                                                        {.24, .24},
                                                        {.76, .24},
                                                        {.24, .76},
                                                        {.76, .76},
                                                        {.5, .5}}};
    const drawn::Point centre = kCentres[static_cast<std::size_t>(place)];
    const bool middle = place == 0 || place == 9;
    add(near(centre.x), near(centre.y), drawn::between(0.12, middle ? 0.4 : 0.2, random),
        static_cast<Place>(place));
  } else {
    constexpr std::array<Relation, 4> kRelations = {Relation::kLeftOf, Relation::kRightOf,
                                                    Relation::kAbove, Relation::kBelow};
    scene.truth.relation = kRelations[random() % 4];
    const bool flat =
        scene.truth.relation == Relation::kLeftOf || scene.truth.relation == Relation::kRightOf;
    const bool first_low =
        scene.truth.relation == Relation::kLeftOf || scene.truth.relation == Relation::kAbove;
    for (const bool low : {first_low, !first_low}) {
      const double along = near(low ? 0.24 : 0.76), across = near(0.5);
      add(flat ? along : across, flat ? across : along, drawn::between(0.11, 0.2, random),
          Place::kAnywhere);
    }
  }
  if (worn) drawn::wear(scene, random);
  return scene;
}

}  // namespace atelier::starter
