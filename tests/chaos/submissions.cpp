#include "submissions.h"

#include <atomic>
#include <cstdint>
#include <vector>

#include "picture_bytes.h"
#include "platform/base64.h"

namespace atelier::chaos {
namespace {

constexpr int kLongSteps = 150;

std::string base64(const std::string& bytes) {
  return platform::base64_encode(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

struct Picture {
  std::uint32_t width, height;
  std::string base64;
};

const Picture& any_picture(Dice& dice) {
  static const std::vector<Picture> kPictures = [] {
    std::vector<Picture> pictures;
    for (const auto& [width, height] :
         {std::pair{64U, 64U}, {80U, 64U}, {64U, 120U}, {256U, 200U}}) {
      pictures.push_back({width, height, base64(api::png(width, height))});
    }
    return pictures;
  }();
  return dice.of(kPictures);
}

std::string new_marker() {
  static std::atomic<int> count = 0;
  return "chaos " + std::to_string(++count);
}

std::string member(const char* name, const std::string& text) {
  return ",\"" + std::string{name} + "\":\"" + text + "\"";
}

std::string member(const char* name, std::int64_t number) {
  return ",\"" + std::string{name} + "\":" + std::to_string(number);
}

std::string body_of(Dice& dice, const std::string& task, const std::string& members) {
  const auto priority = dice.between(-1, 3);
  return R"({"task":")" + task + "\"" + (priority < 0 ? "" : member("priority", priority)) +
         R"(,"input":{)" + members.substr(1) + "}}";
}

JobRequest generation(Dice& dice) {
  Submission made{.task = "generate", .marker = new_marker(), .pictures = 1};
  made.width = static_cast<std::uint32_t>(8 * dice.between(8, 16));
  made.height = static_cast<std::uint32_t>(8 * dice.between(8, 16));
  const int steps = dice.one_in(15) ? kLongSteps : dice.between(2, 12);
  auto members = member("prompt", made.marker) + member("width", made.width) +
                 member("height", made.height) + member("steps", steps);
  if (dice.one_in(4)) {
    made.pictures = 2;
    members += member("batch", 2);
  }
  if (dice.one_in(4)) members += member("preview_every", 2);
  if (dice.one_in(4)) {
    members += member("image", any_picture(dice).base64) + ",\"strength\":0.9";
  }
  return {made, body_of(dice, made.task, members)};
}

JobRequest enlargement(Dice& dice, const std::string& task) {
  const auto& picture = any_picture(dice);
  Submission made{.task = task, .pictures = 1};
  made.width = picture.width * 2;
  made.height = picture.height * 2;
  auto members = member("image", picture.base64);
  if (task == "enhance") {
    made.marker = new_marker();
    members += member("prompt", made.marker) + member("steps", dice.between(4, 20));
  }
  return {made, body_of(dice, task, members)};
}

}  // namespace

JobRequest any_job(Dice& dice) {
  switch (dice.between(1, 10)) {
    case 1:
    case 2:
    case 3: {
      const Submission made{.task = "classify"};
      return {made, body_of(dice, made.task, member("image", any_picture(dice).base64))};
    }
    case 4:
    case 5:
      return enlargement(dice, "upscale");
    case 6:
    case 7:
      return enlargement(dice, "enhance");
    default:
      return generation(dice);
  }
}

JobRequest any_invalid_job(Dice& dice) {
  JobRequest request = generation(dice);
  request.refused_with = 400;
  switch (dice.between(1, 4)) {
    case 1:
      request.body = R"({"task":"generate","input":{"width":64}})";
      break;
    case 2:
      request.body = R"({"task":"dance","input":{}})";
      break;
    case 3:
      request.body = request.body.substr(0, request.body.size() / 2);
      break;
    default:
      request.body = R"({"task":"upscale","input":{"image":")" + base64("not a picture") + "\"}}";
      request.refused_with = 422;
  }
  return request;
}

Call any_call(Dice& dice) {
  const auto picture = member("image", any_picture(dice).base64).substr(1);
  switch (dice.between(1, 3)) {
    case 1:
      return {"/v1/classify", "{" + picture + "}"};
    case 2:
      return {"/v1/upscale", "{" + picture + "}"};
    default:
      return {"/v1/generate", R"({"prompt":"a call","width":64,"height":64,"steps":)" +
                                  std::to_string(dice.between(1, 30)) + "}"};
  }
}

}  // namespace atelier::chaos
