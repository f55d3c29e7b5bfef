// For tests: full-size model files that hold headers and nothing else (sparse), from the lists in
// tests/data/checkpoints. Throws std::runtime_error when the system refuses.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace atelier::engine {

struct ListedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<std::size_t> places;  // LDM lists: lines of the component's own list
};

// A list of tests/data/checkpoints, "unet_sd15".
std::vector<ListedTensor> read_tensor_list(const std::string& name);

// dtype "F16" or "F32".
void write_sparse_safetensors(const std::filesystem::path& path,
                              const std::vector<ListedTensor>& tensors, const std::string& dtype);
// The same cut into `parts` files with an index, as save_pretrained names them.
void write_sparse_shards(const std::filesystem::path& folder, const std::string& stem,
                         const std::vector<ListedTensor>& tensors, int parts);
// A zip archive (zip64 where it is large) with a pickle such as torch.save writes, of fp32 tensors
// below "state_dict".
void write_sparse_torch_archive(const std::filesystem::path& path,
                                const std::vector<ListedTensor>& tensors);

// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

}  // namespace atelier::engine
