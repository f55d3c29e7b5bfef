// The tensors of a torch zip archive (.ckpt, .bin, .pth), with every size and extent checked
// against the member that holds the data. Pure function on bytes; errors as in zip_directory.h and
// pickle_reader.h. No torch.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/weights/tensor_info.h"

namespace atelier::engine {

// Tensors may share bytes; strides are set where a tensor is not contiguous.
std::vector<TensorInfo> parse_torch_archive(std::span<const std::byte> file,
                                            const std::string& where);

}  // namespace atelier::engine
