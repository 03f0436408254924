// What a CPU kernel borrows for a call from NumPy: the pool's threads, and memory that lives as long as the call.
#pragma once

#include "arena.h"
#include "kernels.h"
#include "numpy/pool.h"

namespace ptdet {

class NumpyHost {
 public:
  NumpyHost() : host_{this, pool::threads(), &parallel_for, &allocate} {}
  NumpyHost(const NumpyHost&) = delete;
  NumpyHost& operator=(const NumpyHost&) = delete;

  const cpu::Host& get() const { return host_; }

  template <typename T>
  T* allocate(int64_t count) {
    return static_cast<T*>(arena_.allocate(static_cast<size_t>(count) * sizeof(T)));
  }

 private:
  static void parallel_for(void*, int64_t tasks, void (*body)(void*, int64_t), void* argument) {
    pool::run(tasks, body, argument);
  }

  static void* allocate(void* context, size_t bytes) {
    return static_cast<NumpyHost*>(context)->arena_.allocate(bytes);
  }

  cpu::Host host_;
  Arena arena_;
};

}  // namespace ptdet
