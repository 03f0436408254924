// Memory that lives as long as one call, for the rooms that call kernels.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#include "runtime/large_pages.h"

namespace ptdet {

class Arena {
 public:
  Arena() = default;
  ~Arena() {
    for (void* block : blocks_) std::free(block);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // 64-byte aligned, never null; from any thread.
  void* allocate(size_t bytes) {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (bytes <= kNear) {
      const size_t at = near_used_.fetch_add(bytes, std::memory_order_relaxed);
      if (at <= kNear - bytes) return near_ + at;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool is_large = bytes >= kLargePage;
    void* block = std::aligned_alloc(is_large ? kLargePage : kAlignment, bytes);
    if (!block) throw std::bad_alloc();
    blocks_.push_back(block);
    if (is_large) prefer_large_pages(block, bytes);
    return block;
  }

 private:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kNear = 16384;  // small inputs need no heap

  std::mutex mutex_;
  std::vector<void*> blocks_;
  std::atomic<size_t> near_used_{0};
  alignas(kAlignment) char near_[kNear];
};

}  // namespace ptdet
