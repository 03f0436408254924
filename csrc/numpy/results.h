// From a kernel's memory to arrays of Python's own.
#pragma once

#include <cstring>
#include <utility>
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
  return made;
}

// What a pass writes, in the memory of its call.
class PassMemory {
 public:
  PassMemory(NumpyHost& host, int64_t count, bool want_owner = true)
      : count_(count),
        keep_(host.allocate<int64_t>(count)),
        owner_(want_owner ? host.allocate<int64_t>(count) : nullptr) {}

  NmsOutput output() { return {keep_, owner_, &kept_}; }
  int64_t kept() const {
    check_group_ids(kept_);
    if (kept_ == kScoreIsNegative) throw py::value_error("scores: expected numbers >= 0, got one below");
    if (kept_ == kModelIsUnknown) throw py::value_error("models: expected numbers from 0 to M - 1");
    if (kept_ == kNumberIsNan) throw py::value_error(std::string(numbers) + ": expected numbers, got NaN");
    return kept_;
  }
  py::array keep() const { return new_indices(keep_, kept()); }
  py::array owner() const { return new_indices(owner_, count_); }

  const char* numbers = "";  // the name of what kNumberIsNan is about

 private:
  const int64_t count_;
  int64_t* const keep_;
  int64_t* const owner_;
  int64_t kept_ = 0;
};

// keep, or (keep, owner), of what run(output, host) finds.
template <typename Run>
py::object kept_by(const Candidates& candidates, const py::object& return_owner, Run&& run, bool needs_owner = false,
                   const char* numbers = "") {
  const bool wants_owner = flag_of("return_owner", return_owner);
  NumpyHost host;
  PassMemory pass(host, candidates.count(), wants_owner || needs_owner);
  pass.numbers = numbers;
  {
    const Unlocked others_may_run;
    run(pass.output(), host.get());
  }
  if (wants_owner) return py::make_tuple(pass.keep(), pass.owner());
  return pass.keep();
}

// (rows, keep), or (rows, keep, owner): run(output, rows, host) also writes `columns` numbers of `dtype` a kept box.
template <typename Run>
py::object rows_kept_by(const Candidates& candidates, const py::dtype& dtype, int64_t columns,
                        const py::object& return_owner, Run&& run) {
  const bool wants_owner = flag_of("return_owner", return_owner);
  NumpyHost host;
  PassMemory pass(host, candidates.count());
  void* memory = host.allocate<char>(candidates.count() * columns * dtype.itemsize());
  {
    const Unlocked others_may_run;
    run(pass.output(), memory, host.get());
  }
  std::vector<py::ssize_t> shape{pass.kept()};
  if (columns > 1) shape.push_back(columns);
  const py::array rows = new_array(dtype, std::move(shape), memory);
  if (wants_owner) return py::make_tuple(rows, pass.keep(), pass.owner());
  return py::make_tuple(rows, pass.keep());
}

}  // namespace ptdet
