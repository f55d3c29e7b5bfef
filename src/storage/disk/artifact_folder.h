// Artifacts as files: `<folder>/ab/abcdef….png`, named by the first half of their SHA-256.
// Thread-safe without a lock: a file is complete before it has its name, and is never changed.
#pragma once

#include <filesystem>
#include <string>

#include "domain/gallery/artifact_store.h"

namespace atelier::storage {

class ArtifactFolder final : public domain::ArtifactStore {
 public:
  explicit ArtifactFolder(std::filesystem::path folder);  // created when missing

  std::string put(std::span<const std::uint8_t> bytes, const std::string& media_type) override;
  domain::Artifact get(const std::string& id) override;

 private:
  std::filesystem::path folder_;
};

}  // namespace atelier::storage
