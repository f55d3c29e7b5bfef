// Which version of its files a model was read from. A model is read in several goes (headers,
// then the weights of each part, a part once more during a job): the version is taken before the
// first and compared after each, so that no model is made of two versions, and compared before each
// job, so that a model in memory follows its files. Any thread.
#pragma once

#include <filesystem>
#include <string>

#include "platform/file_stamp.h"

namespace atelier::engine {

class ModelVersion {
 public:
  ModelVersion() = default;
  // Of a single file, or of all files of a model folder that may be read, present or absent. Waits
  // some milliseconds for a file that was written a moment ago, until a later change would be seen.
  // Nothing at `path` is a version, too.
  static ModelVersion of(const std::filesystem::path& path);

  bool operator==(const ModelVersion& other) const = default;
  // The first file that is not the same in both; "" when there is none.
  std::string difference(const ModelVersion& other) const;
  // Throws kConflict when the files at `path` are now another version.
  void check_unchanged(const std::filesystem::path& path) const;

 private:
  platform::FileStamps files_;
};

}  // namespace atelier::engine
