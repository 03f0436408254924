// What a CPU kernel borrows from torch: its threads, and memory that lives as long as the call.
#pragma once

#include <torch/csrc/stable/ops.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#include "kernels.h"

namespace ptdet {

class TorchHost {
 public:
  TorchHost() : host_{this, static_cast<int>(torch::stable::get_num_threads()), &parallel_for, &allocate} {}
  ~TorchHost() {
    for (void* block : blocks_) std::free(block);
  }
  TorchHost(const TorchHost&) = delete;
  TorchHost& operator=(const TorchHost&) = delete;

  const cpu::Host& get() const { return host_; }

 private:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kNear = 16384;  // small inputs need no heap

  static void parallel_for(void*, int64_t tasks, void (*body)(void*, int64_t), void* argument) {
    torch::stable::parallel_for(0, tasks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) body(argument, i);
    });
  }

  static void* allocate(void* context, size_t bytes) {
    auto& self = *static_cast<TorchHost*>(context);
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (bytes <= kNear) {
      const size_t at = self.near_used_.fetch_add(bytes, std::memory_order_relaxed);
      if (at <= kNear - bytes) return self.near_ + at;
    }
    const std::lock_guard<std::mutex> lock(self.mutex_);
    void* block = std::aligned_alloc(kAlignment, bytes);
    if (!block) throw std::bad_alloc();
    self.blocks_.push_back(block);
    return block;
  }

  cpu::Host host_;
  std::mutex mutex_;
  std::vector<void*> blocks_;
  std::atomic<size_t> near_used_{0};
  alignas(kAlignment) char near_[kNear];
};

}  // namespace ptdet
