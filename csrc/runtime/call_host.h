// What a CPU kernel borrows for a call: the pool's threads, and memory that lives as long as the call.
#pragma once

#include "runtime/arena.h"
#include "api/api.h"
#include "runtime/thread_pool.h"

namespace ptdet {

class CallHost {
 public:
  explicit CallHost(int threads) : host_{this, threads, &parallel_for, &allocate} {}
  CallHost(const CallHost&) = delete;
  CallHost& operator=(const CallHost&) = delete;

  const cpu::Host& get() const { return host_; }

  template <typename T>
  T* allocate(int64_t count) {
    return static_cast<T*>(arena_.allocate(static_cast<size_t>(count) * sizeof(T)));
  }

 private:
  static void parallel_for(void* context, int64_t tasks, void (*body)(void*, int64_t), void* argument) {
    pool::run(static_cast<CallHost*>(context)->host_.threads, tasks, body, argument);
  }

  static void* allocate(void* context, size_t bytes) { return static_cast<CallHost*>(context)->arena_.allocate(bytes); }

  cpu::Host host_;
  Arena arena_;
};

}  // namespace ptdet
