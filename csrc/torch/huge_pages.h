// Large pages for a tensor that is about to be written for the first time.
#pragma once

#include <torch/csrc/stable/tensor.h>

#include "runtime/large_pages.h"

namespace ptdet {

// The memory of a GPU has none.
inline void prefer_large_pages(const torch::stable::Tensor& t) {
  if (t.is_cpu()) prefer_large_pages(t.mutable_data_ptr(), static_cast<size_t>(t.numel()) * t.element_size());
}

}  // namespace ptdet
