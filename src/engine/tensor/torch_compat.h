// The one door to libtorch: every engine file includes this and nothing else of torch directly.
// Holds the differences between Debian's libtorch 1.13 and official builds >= 2.7. ATen only:
// <torch/torch.h> costs 12-17 s per file (banned by tools/tidy).
#pragma once

#include <ATen/core/ivalue.h>  // must come first: clang with libstdc++ 12 fails otherwise (docs/pitfalls.md)

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#if __has_include(<torch/version.h>)
#include <torch/version.h>
#elif __has_include(<torch/csrc/api/include/torch/version.h>)
#include <torch/csrc/api/include/torch/version.h>
#endif

namespace atelier::engine {

using at::Tensor;

}  // namespace atelier::engine
