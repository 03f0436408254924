// As many threads as ptdet.numpy.set_num_threads says.
#pragma once

#include <atomic>

#include "runtime/call_host.h"

namespace ptdet {

inline std::atomic<int> thread_count{1};

struct NumpyHost : CallHost {
  NumpyHost() : CallHost(thread_count) {}
};

}  // namespace ptdet
