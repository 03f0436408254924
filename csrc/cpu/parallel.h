// Memory and threads of the caller (Host), for lambdas.
#pragma once

#include "api/api.h"

namespace ptdet::cpu {

template <typename T>
T* allocate(const Host& host, int64_t count) {
  return static_cast<T*>(host.allocate(host.context, static_cast<size_t>(count > 0 ? count : 1) * sizeof(T)));
}

// body(i) for i in [0, tasks). What a body writes must not depend on the thread that runs it.
template <typename Body>
void parallel_for(const Host& host, int64_t tasks, Body&& body) {
  if (tasks <= 1 || host.threads <= 1) {
    for (int64_t i = 0; i < tasks; ++i) body(i);
    return;
  }
  host.parallel_for(
      host.context, tasks, [](void* argument, int64_t i) { (*static_cast<decltype(&body)>(argument))(i); }, &body);
}

// Into how many parts work over `count` boxes is worth splitting.
inline int64_t parts_for(const Host& host, int64_t count) {
  constexpr int64_t kGrain = 8192;
  const int64_t most = (count + kGrain - 1) / kGrain;
  return most < host.threads ? most : host.threads;
}

// body(begin, end) over [0, count) in `parts` ranges.
template <typename Body>
void parallel_ranges(const Host& host, int64_t count, int64_t parts, Body&& body) {
  parallel_for(host, parts, [&](int64_t i) { body(count * i / parts, count * (i + 1) / parts); });
}

}  // namespace ptdet::cpu
