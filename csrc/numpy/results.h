// From a kernel's memory to arrays of Python's own.
#pragma once

#include <cstring>
#include <vector>

#include "numpy/arguments.h"
#include "numpy/host.h"
#include "numpy/unlocked.h"

namespace ptdet {

inline py::array new_array(const py::dtype& dtype, std::vector<py::ssize_t> shape, const void* from) {
  py::array made(dtype, std::move(shape));
  if (made.nbytes()) std::memcpy(made.mutable_data(), from, static_cast<size_t>(made.nbytes()));
  return made;
}

inline py::array new_indices(const int64_t* from, int64_t count) {
  py::array_t<int64_t> made(count);
  if (count) std::memcpy(made.mutable_data(), from, static_cast<size_t>(count) * sizeof(int64_t));
  return std::move(made);
}

// What a walk writes, in the memory of its call.
class WalkMemory {
 public:
  WalkMemory(NumpyHost& host, int64_t count, bool want_owner = true)
      : count_(count),
        keep_(host.allocate<int64_t>(count)),
        owner_(want_owner ? host.allocate<int64_t>(count) : nullptr) {}

  NmsOutput output() { return {keep_, owner_, &kept_}; }
  int64_t kept() const {
    check_group_ids(kept_);
    if (kept_ == kScoreIsNegative) throw py::value_error("scores: expected numbers >= 0, got one below");
    if (kept_ == kModelIsUnknown) throw py::value_error("models: expected numbers from 0 to M - 1");
    return kept_;
  }
  py::array keep() const { return new_indices(keep_, kept()); }
  py::array owner() const { return new_indices(owner_, count_); }

 private:
  const int64_t count_;
  int64_t* const keep_;
  int64_t* const owner_;
  int64_t kept_ = 0;
};

}  // namespace ptdet
