// Where the bytes of pictures are kept, uploaded or made. Implemented by storage. Thread-safe;
// content decides the id, so the same bytes are kept once and an id never changes its meaning.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "platform/byte_source.h"

namespace atelier::domain {

struct Artifact {
  std::vector<std::uint8_t> bytes;
  std::string media_type;  // "image/png"
};

// What was made is kept for ever; an upload only as long as a job names it.
enum class ArtifactOrigin { kMade, kUploaded };

struct OpenArtifact {
  std::shared_ptr<const platform::ByteSource> bytes;
  std::string media_type;
};

class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;

  // The id; the bytes have reached the disk. A full disk is Error(kInternal) with a sentence.
  virtual std::string put(std::span<const std::uint8_t> bytes, const std::string& media_type,
                          ArtifactOrigin origin) = 0;
  virtual OpenArtifact open(const std::string& id) = 0;  // throws kNotFound

  Artifact get(const std::string& id) {  // all of it; throws kNotFound
    const auto artifact = open(id);
    return {platform::read_all(*artifact.bytes), artifact.media_type};
  }
};

}  // namespace atelier::domain
