// What a CPU kernel borrows from torch: its threads, and memory that lives as long as the call.
#pragma once

#include <torch/csrc/stable/ops.h>

#include "arena.h"
#include "kernels.h"

namespace ptdet {

class TorchHost {
 public:
  TorchHost() : host_{this, static_cast<int>(torch::stable::get_num_threads()), &parallel_for, &allocate} {}
  TorchHost(const TorchHost&) = delete;
  TorchHost& operator=(const TorchHost&) = delete;

  const cpu::Host& get() const { return host_; }

 private:
  static void parallel_for(void*, int64_t tasks, void (*body)(void*, int64_t), void* argument) {
    torch::stable::parallel_for(0, tasks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) body(argument, i);
    });
  }

  static void* allocate(void* context, size_t bytes) {
    return static_cast<TorchHost*>(context)->arena_.allocate(bytes);
  }

  cpu::Host host_;
  Arena arena_;
};

}  // namespace ptdet
