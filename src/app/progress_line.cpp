#include "app/progress_line.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "platform/log.h"

namespace atelier::app {
namespace {

constexpr int kBarWidth = 24;
constexpr int kPlainParts = 10;  // a plain line for each tenth

template <class... Values>
std::string print(const char* format, Values... values) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

int part_of(double fraction, int parts) {
  return std::isfinite(fraction) ? static_cast<int>(std::clamp(fraction, 0.0, 1.0) * parts) : 0;
}

}  // namespace

std::string minutes(double seconds) {
  const long whole = std::lround(std::max(0.0, seconds));
  return print("%ld:%02ld", whole / 60, whole % 60);
}

std::string progress_bar(double fraction, int width) {
  const auto full = static_cast<int>(std::lround(std::clamp(fraction, 0.0, 1.0) * width));
  std::string bar = "[";
  for (int i = 0; i < width; ++i) bar += i < full ? "#" : ".";
  return bar + "]";
}

std::string progress_text(const domain::Job& job) {
  const auto& progress = job.progress;
  // The text may come from a station of another version.
  std::string text = progress.part.empty() ? "" : progress.part + "  ";
  text += progress.stage.empty() ? "queued" : progress.stage;
  text = platform::without_control_characters(text);
  if (progress.total > 0) text += print("  %d/%d", progress.step, progress.total);
  text += print("  %d %%", part_of(progress.fraction, 100));
  if (progress.steps_per_second > 0) text += print("  %.2f it/s", progress.steps_per_second);
  if (progress.eta_seconds > 0) text += "  ETA " + minutes(progress.eta_seconds);
  return text;
}

ProgressLine::ProgressLine(std::FILE* out) : out_(out), terminal_(::isatty(::fileno(out)) == 1) {}

ProgressLine::~ProgressLine() {
  if (open_) std::fputs("\n", out_);
}

void ProgressLine::show(const domain::Job& job) {
  if (terminal_) {
    // Overwrites the rest of an earlier, longer text.
    std::fprintf(out_, "\r\033[K%s %s", progress_bar(job.progress.fraction, kBarWidth).c_str(),
                 progress_text(job).c_str());
    open_ = true;
  } else {
    const int part = part_of(job.progress.fraction, kPlainParts);
    const auto said = job.progress.stage + std::to_string(part);
    if (said == last_) return;
    last_ = said;
    std::fprintf(out_, "%s\n", progress_text(job).c_str());
  }
  std::fflush(out_);
}

}  // namespace atelier::app
