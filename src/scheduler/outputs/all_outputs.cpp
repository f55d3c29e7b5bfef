#include "scheduler/outputs/all_outputs.h"

#include <algorithm>
#include <array>
#include <utility>

namespace atelier::scheduler {

const OutputWriter* find_output_writer(std::string_view kind) {
  static const std::array kWriters{
      picture_writer(),
  };
  const auto found = std::ranges::find(kWriters, kind, &OutputWriter::kind);
  return found == kWriters.end() ? nullptr : &*found;
}

domain::JobOutput keep_output(const OutputContext& context, MadeOutput output) {
  if (const auto* writer = find_output_writer(output.kind)) return writer->write(context, output);
  return {std::move(output.kind), "", "", std::move(output.value)};
}

}  // namespace atelier::scheduler
