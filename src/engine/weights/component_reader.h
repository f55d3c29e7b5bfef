// Reads components of a diffusers folder into a layout: configuration and weights, with every name
// that older versions of the reference saved brought to the present one. Used by the families whose
// models are such folders. Throws kCorruptData (a file is missing or damaged) or kUnsupported (the
// component is of another class).
#pragma once

#include <string>
#include <string_view>

#include "engine/weights/checkpoint_files.h"
#include "engine/weights/content_hash.h"

namespace atelier::engine {

class ComponentReader {
 public:
  // Both must outlive this object. Reads model_index.json.
  ComponentReader(const CheckpointFiles& files, CheckpointLayout& layout);

  // A component with weights. `expected_class` is the start of the class name that model_index.json
  // must give. -> false: it names no such component
  bool read_network(const std::string& name, std::string_view expected_class);
  // A component that is a folder of tokenizer files. -> false: there is none
  bool read_tokenizer(const std::string& name);
  // The component "scheduler"; its configuration is {} when there is no file.
  void read_scheduler();
  // Sets the layout's fingerprint: of everything that was read, in this order.
  void finish();

 private:
  WeightsView view_of(const std::shared_ptr<const WeightsFile>& file,
                      const std::string& class_name);
  const boost::json::object& hashed_json(const std::filesystem::path& name);

  const CheckpointFiles& files_;
  CheckpointLayout& layout_;
  ContentHash hash_;
};

}  // namespace atelier::engine
