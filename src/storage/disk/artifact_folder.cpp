#include "storage/disk/artifact_folder.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "platform/check.h"
#include "platform/error.h"
#include "platform/files.h"

namespace atelier::storage {
namespace {

constexpr std::size_t kIdBytes = 16;  // of the digest: collisions are not to be expected

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kExtensions{{
    {"image/png", ".png"},
    {"image/jpeg", ".jpg"},
    {"image/webp", ".webp"},
    {"image/gif", ".gif"},
    {"image/tiff", ".tiff"},
    {"image/avif", ".avif"},
    {"image/heif", ".heif"},
    {"application/octet-stream", ".bin"},
}};

std::string_view extension_of(std::string_view media_type) {
  for (const auto& [type, extension] : kExtensions) {
    if (type == media_type) return extension;
  }
  return ".bin";
}

std::string digest_name(std::span<const std::uint8_t> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  CHECK(done == 1 && size >= kIdBytes);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string name;
  for (std::size_t i = 0; i < kIdBytes; ++i) {
    name += kHex[digest[i] >> 4];
    name += kHex[digest[i] & 15];
  }
  return name;
}

bool is_id(const std::string& id) {
  return id.size() == 2 * kIdBytes && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

ArtifactFolder::ArtifactFolder(std::filesystem::path folder)
    : folder_(std::move(folder)), uploads_(folder_ / "uploads"), steps_(folder_ / "steps") {
  std::error_code failure;
  std::filesystem::create_directories(uploads_, failure);
  if (!failure) std::filesystem::create_directories(steps_, failure);
  if (failure) {
    throw Error(ErrorCode::kInternal, "the folder '" + uploads_.string() +
                                          "' cannot be created: " + failure.message() +
                                          "; free some space or choose another home folder");
  }
}

std::string ArtifactFolder::put(std::span<const std::uint8_t> bytes, const std::string& media_type,
                                domain::ArtifactOrigin origin) {
  const auto id = digest_name(bytes);
  const auto shard = folder_of(origin) / id.substr(0, 2);
  const auto path = shard / (id + std::string(extension_of(media_type)));
  std::error_code failure;
  if (std::filesystem::exists(path, failure)) return id;
  std::filesystem::create_directories(shard, failure);
  platform::write_file_atomically(path, bytes);
  return id;
}

domain::OpenArtifact ArtifactFolder::open(const std::string& id) {
  if (is_id(id)) {  // anything else could name a file outside
    for (const auto* folder : {&folder_, &uploads_, &steps_}) {
      for (const auto& [type, extension] : kExtensions) {
        const auto path = *folder / id.substr(0, 2) / (id + std::string(extension));
        std::error_code failure;
        if (!std::filesystem::exists(path, failure)) continue;
        return {platform::open_file(path), std::string(type)};
      }
    }
  }
  throw Error(ErrorCode::kNotFound, "there is no artifact '" + id + "'");
}

const std::filesystem::path& ArtifactFolder::folder_of(domain::ArtifactOrigin origin) const {
  switch (origin) {
    case domain::ArtifactOrigin::kUploaded:
      return uploads_;
    case domain::ArtifactOrigin::kStep:
      return steps_;
    case domain::ArtifactOrigin::kMade:
      break;
  }
  return folder_;
}

void ArtifactFolder::remove_step(const std::string& id) {
  if (!is_id(id)) return;
  for (const auto& [type, extension] : kExtensions) {
    std::error_code failure;
    std::filesystem::remove(steps_ / id.substr(0, 2) / (id + std::string(extension)), failure);
  }
}

ArtifactFolder::Swept ArtifactFolder::sweep(const std::set<std::string>& named) {
  Swept swept;
  for (const auto& shard : platform::files_in(folder_)) {
    swept.temporary += platform::remove_temporary_files(shard);
  }
  for (const auto& [folder, count] :
       {std::pair{&uploads_, &swept.uploads}, {&steps_, &swept.steps}}) {
    for (const auto& shard : platform::files_in(*folder)) {
      swept.temporary += platform::remove_temporary_files(shard);
      for (const auto& file : platform::files_in(shard)) {
        const auto id = file.stem().string();
        if (!is_id(id) || named.contains(id)) continue;
        std::error_code failure;  // files that cannot be removed remain until the next start
        *count += std::filesystem::remove(file, failure) ? 1U : 0U;
      }
    }
  }
  return swept;
}

}  // namespace atelier::storage
