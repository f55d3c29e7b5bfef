// Artifacts as files: `<folder>/ab/abcdef….png` for results, `<folder>/uploads/ab/…` for uploads,
// `<folder>/steps/ab/…` for what one step of a job makes for another, named by the first half of
// their SHA-256. Thread-safe without a lock: a file is complete before it has its name, and is
// never changed.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "domain/artifacts/artifact_store.h"

namespace atelier::storage {

class ArtifactFolder final : public domain::ArtifactStore {
 public:
  explicit ArtifactFolder(std::filesystem::path folder);  // created when missing

  std::string put(std::span<const std::uint8_t> bytes, const std::string& media_type,
                  domain::ArtifactOrigin origin) override;
  domain::OpenArtifact open(const std::string& id) override;
  void remove_step(const std::string& id) override;

  struct Swept {
    std::size_t temporary = 0, uploads = 0, steps = 0;  // files
  };
  // At the start, before any write: removes half-written files of a killed station, and
  // uploads and pictures of steps that are not among `named`. Results are never removed.
  Swept sweep(const std::set<std::string>& named);

 private:
  const std::filesystem::path& folder_of(domain::ArtifactOrigin origin) const;

  std::filesystem::path folder_, uploads_, steps_;
};

}  // namespace atelier::storage
