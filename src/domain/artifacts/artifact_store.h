// Where the bytes of pictures are kept, uploaded or made. Implemented by storage. Thread-safe. The
// id is a hash of the content: the same bytes are stored once, and the bytes of an id never change.
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

// Results are kept; an upload is kept only while a job refers to it, and a picture that one step of
// a job makes for another only until the job ends.
enum class ArtifactOrigin { kMade, kUploaded, kStep };

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
  // One of the origin kStep; nothing where there is none. Never fails: what cannot be removed goes
  // at the next start.
  virtual void remove_step(const std::string& id) = 0;

  Artifact get(const std::string& id) {  // all of it; throws kNotFound
    const auto artifact = open(id);
    return {platform::read_all(*artifact.bytes), artifact.media_type};
  }
};

}  // namespace atelier::domain
