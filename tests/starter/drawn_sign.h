// The sign of tools/starter/draw_mark.py and things that look like it, over the scenes of
// drawn_truth.h: written a second time on purpose (in whole samples per pixel instead of signed
// distances), so that a mistake in one of the two shows.
#pragma once

#include <array>
#include <cmath>

#include "drawn_truth.h"

namespace atelier::starter {

enum class Sign { kMark, kRing, kBar, kBarBeside, kDisc, kOtherColour };
inline constexpr std::array kConfusers = {Sign::kRing, Sign::kBar, Sign::kBarBeside, Sign::kDisc,
                                          Sign::kOtherColour};

namespace drawn {

// All lengths in radii.
struct SignShape {
  Sign kind = Sign::kMark;
  double ring = 0;   // stroke
  double bar = 0;    // stroke
  double angle = 0;  // of the bar to the horizontal, clockwise
  double edge = 0;   // width of the white edge

  bool in_ring(double x, double y, double grown) const {
    const double length = std::hypot(x, y);
    return length < 1 + grown && length > 1 - ring - grown;
  }
  bool in_bar(double x, double y, double grown) const {
    const double along = x * std::cos(angle) + y * std::sin(angle);
    const double across = y * std::cos(angle) - x * std::sin(angle);
    const double aside = kind == Sign::kBarBeside ? 1.4 : 0;
    return std::abs(along) < 1 - ring / 2 + grown && std::abs(across - aside) < bar / 2 + grown;
  }
  bool in(double x, double y, double grown) const {
    switch (kind) {
      case Sign::kRing:
        return in_ring(x, y, grown);
      case Sign::kBar:
        return in_bar(x, y, grown);
      case Sign::kDisc:
        return std::hypot(x, y) < 1 + grown;
      case Sign::kMark:
      case Sign::kBarBeside:
      case Sign::kOtherColour:
        break;
    }
    return in_ring(x, y, grown) || in_bar(x, y, grown);
  }
};

inline void paint_sign(DrawnScene& scene, const SignShape& shape, const Rgb& colour, Point centre,
                       double radius, double opacity) {
  constexpr int kSub = 4;
  for (int pixel = 0; pixel < scene.width * scene.height; ++pixel) {
    double edge = 0, stroke = 0;
    for (int sub = 0; sub < kSub * kSub; ++sub) {
      const int row = pixel / scene.width, sub_row = sub / kSub;
      const double dx = pixel % scene.width + (sub % kSub + 0.5) / kSub - centre.x;
      const double dy = row + (sub_row + 0.5) / kSub - centre.y;
      edge += shape.in(dx / radius, dy / radius, shape.edge) ? 1.0 / (kSub * kSub) : 0;
      stroke += shape.in(dx / radius, dy / radius, 0) ? 1.0 / (kSub * kSub) : 0;
    }
    for (std::size_t c = 0; c < 3; ++c) {
      std::uint8_t& value = scene.rgb[static_cast<std::size_t>(pixel) * 3 + c];
      double mixed = value + opacity * edge * (245 - value);
      mixed += opacity * stroke * (colour[c] - mixed);
      value = static_cast<std::uint8_t>(std::lround(std::clamp(mixed, 0.0, 255.0)));
    }
  }
}

inline Rgb sign_colour(Sign kind, std::mt19937& random) {
  constexpr std::array<Rgb, 4> kOthers = {
      {{30, 60, 200}, {20, 140, 50}, {20, 20, 20}, {0, 150, 160}}};
  Rgb colour = kind == Sign::kOtherColour ? kOthers[random() % kOthers.size()] : Rgb{215, 25, 30};
  for (int& value : colour)
    value = std::clamp(value + static_cast<int>(random() % 41) - 20, 0, 255);
  return colour;
}

}  // namespace drawn

// With the sizes, strokes, turns and opacities that draw_mark.py gives; the same seed, the same
// sign.
inline void draw_sign(DrawnScene& scene, Sign kind, std::uint32_t seed) {
  std::mt19937 random(seed);
  const double side = std::min(scene.width, scene.height);
  const double radius = side * drawn::between(0.16, 0.42, random);
  const drawn::Point centre = {drawn::between(radius + 1, scene.width - radius - 1, random),
                               drawn::between(radius + 1, scene.height - radius - 1, random)};
  drawn::SignShape shape{.kind = kind};
  shape.ring = drawn::between(0.16, 0.26, random);
  shape.bar = shape.ring * drawn::between(0.8, 1.1, random);
  constexpr double kDegree = 3.14159265358979323846 / 180;
  shape.angle = kDegree * drawn::between(15, 75, random);
  shape.edge = drawn::between(0.8, 2.0, random) / radius;
  const drawn::Rgb colour = drawn::sign_colour(kind, random);
  drawn::paint_sign(scene, shape, colour, centre, radius, drawn::between(0.7, 1, random));
}

}  // namespace atelier::starter
