// Recognises the background, the shapes, their colours and their places in a drawn picture.
//
// Called by the starter model's tests and, through tools/starter/picture_check_library.cpp, by its
// training tools, so that both score pictures with the same rules. Pure functions of their
// arguments; any thread. Never fails: what it does not recognise is kUnknown.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::starter {

enum class Colour {
  kRed,
  kGreen,
  kBlue,
  kYellow,
  kOrange,
  kPurple,
  kWhite,
  kBlack,
  kGray,
  kPink,
  kCyan,
  kBrown,
};
enum class Shape { kCircle, kSquare, kTriangle, kStar, kRing, kCross, kUnknown };
enum class Place {
  kAnywhere,
  kLeft,
  kRight,
  kTop,
  kBottom,
  kTopLeft,
  kTopRight,
  kBottomLeft,
  kBottomRight,
  kCentre,
};
// Of the first object to the second.
enum class Relation { kNone, kLeftOf, kRightOf, kAbove, kBelow };

inline constexpr std::array<std::string_view, 12> kColourNames = {
    "red",   "green", "blue", "yellow", "orange", "purple",
    "white", "black", "gray", "pink",   "cyan",   "brown"};
inline constexpr std::array<std::string_view, 7> kShapeNames = {
    "circle", "square", "triangle", "star", "ring", "cross", "unknown"};
inline constexpr std::array<std::string_view, 10> kPlaceNames = {
    "",         "left",      "right",       "top",          "bottom",
    "top left", "top right", "bottom left", "bottom right", "centre"};
inline constexpr std::array<std::string_view, 5> kRelationNames = {"", "left of", "right of",
                                                                   "above", "below"};

// What tools/starter/palette.py draws with, red, green and blue, in the order of the names.
inline constexpr std::array<std::array<int, 3>, 12> kPalette = {{{220, 40, 40},
                                                                 {40, 160, 60},
                                                                 {40, 80, 220},
                                                                 {245, 220, 50},
                                                                 {245, 140, 30},
                                                                 {130, 50, 170},
                                                                 {250, 250, 250},
                                                                 {15, 15, 15},
                                                                 {128, 128, 128},
                                                                 {250, 150, 195},
                                                                 {60, 210, 220},
                                                                 {120, 75, 40}}};

std::optional<Colour> colour_named(std::string_view name);
std::optional<Shape> shape_named(std::string_view name);
std::optional<Place> place_named(std::string_view name);
std::optional<Relation> relation_named(std::string_view name);

// Rows top to bottom, three bytes a pixel; the pixels belong to the caller.
struct Picture {
  int width = 0;
  int height = 0;
  std::span<const std::uint8_t> rgb;
};

struct SeenObject {
  Shape shape = Shape::kUnknown;
  Colour colour = Colour::kGray;
  double x = 0;       // centre of mass, share of the width
  double y = 0;       // share of the height
  double radius = 0;  // of a circle of the same area, share of the shorter side
  double fit = 0;     // overlap with the ideal shape: 1 is perfect
};

struct Seen {
  Colour background = Colour::kGray;
  std::vector<SeenObject> objects;  // largest first
};

Seen look(const Picture& picture);

struct ExpectedObject {
  Shape shape = Shape::kUnknown;
  Colour colour = Colour::kGray;
  Place place = Place::kAnywhere;
};

struct Expectation {
  std::optional<Colour> background;
  std::vector<ExpectedObject> objects;  // one or two
  Relation relation = Relation::kNone;
};

struct Verdict {
  bool background = false;
  bool count = false;
  bool colours = false;
  bool shapes = false;
  bool places = false;
  bool relation = false;
  std::string seen;  // what was seen, in words, for a failure message

  bool right() const { return background && count && colours && shapes && places && relation; }
};

Verdict judge(const Seen& seen, const Expectation& expected);
Verdict judge(const Picture& picture, const Expectation& expected);

}  // namespace atelier::starter
