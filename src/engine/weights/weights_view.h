// A set of weights seen under the names that our networks use: our name -> a tensor of a file and
// what has to be done to it. Holds no data and no torch; immutable once built, so any thread may
// read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/weights/tensor_names.h"
#include "engine/weights/weights_file.h"

namespace atelier::engine {

enum class WeightTransform {
  kAsIs,
  kTranspose,   // 2-D
  kRows,        // part `part` of `parts` equal ones along dimension 0
  kSqueeze1x1,  // [out, in, 1, 1] -> [out, in]
};

struct WeightSource {
  std::shared_ptr<const WeightsFile> file;
  const TensorInfo* info = nullptr;  // lives in `file`
  WeightTransform transform = WeightTransform::kAsIs;
  std::int64_t part = 0, parts = 1;

  // After the transform.
  std::vector<std::int64_t> shape() const;
};

class WeightsView {
 public:
  // Refuses a second tensor for one name, and a transform that does not fit the stored shape
  // (kCorruptData).
  void add(std::string name, WeightSource source);

  const WeightSource* find(std::string_view name) const;
  const std::map<std::string, WeightSource, std::less<>>& sources() const { return sources_; }
  std::size_t size() const { return sources_.size(); }
  bool empty() const { return sources_.empty(); }
  std::uint64_t parameters() const;  // elements of all tensors
  std::uint64_t bytes() const;       // as stored
  std::string where() const;         // path of the first file

 private:
  std::map<std::string, WeightSource, std::less<>> sources_;
};

// The tensors of one file under the network's names. Every name of the file must be in it.
WeightsView view_of(const std::shared_ptr<const WeightsFile>& file, const TensorNames& names);

}  // namespace atelier::engine
