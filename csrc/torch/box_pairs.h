// Two tensors of boxes whose leading dimensions run together, as the kernel API wants them: a run with one stride each,
// or several where their strides allow no less.
#pragma once

#include <array>

#include "torch/arguments.h"

namespace ptdet {

// `numbers`: of a box.
inline void check_boxes(const Tensor& t, int64_t least_dims, const char* name, int64_t numbers = 4) {
  STD_TORCH_CHECK(t.dim() >= least_dims && t.size(t.dim() - 1) == numbers, "ptdet: ", name, " must have shape (..., ",
                  numbers, ")");
  const Type type = type_of(t, name);
  STD_TORCH_CHECK(holds_coordinates(type), "ptdet: ", name, " must be floating or int64, int32, int16, int8 or uint8");
}

// The leading `dims` dimensions of a and b, which must be equal, joined where both allow it.
class Runs {
 public:
  Runs(const Tensor& a, const Tensor& b, int64_t dims) {
    STD_TORCH_CHECK(dims <= kMost, "ptdet: too many dimensions");
    STD_TORCH_CHECK(a.get_device_index() == b.get_device_index() && a.device().type() == b.device().type(),
                    "ptdet: boxes1 and boxes2 must be on one device");
    for (int64_t d = dims - 1; d >= 0; --d) {
      STD_TORCH_CHECK(a.size(d) == b.size(d), "ptdet: boxes1 and boxes2 must have equal leading dimensions");
      const Dim dim{a.size(d), a.stride(d), b.stride(d)};
      total_ *= dim.size;
      if (dim.size == 1) continue;
      Dim& inner = dims_[count_ == 0 ? 0 : count_ - 1];
      if (count_ > 0 && dim.a_stride == inner.size * inner.a_stride && dim.b_stride == inner.size * inner.b_stride)
        inner.size *= dim.size;
      else
        dims_[count_++] = dim;
    }
    if (count_ == 0) dims_[count_++] = {total_, 0, 0};
  }

  int64_t total() const { return total_; }
  int64_t size() const { return total_ == 0 ? 0 : dims_[0].size; }  // of one run
  int64_t a_stride() const { return dims_[0].a_stride; }
  int64_t b_stride() const { return dims_[0].b_stride; }

  // f(first element of a, of b, items before) for each run.
  template <typename F>
  void for_each(F&& f) const {
    if (total_ == 0) return;
    for (int64_t run = 0; run < total_ / dims_[0].size; ++run) {
      int64_t rest = run, a = 0, b = 0;
      for (int64_t d = 1; d < count_; ++d) {
        a += rest % dims_[d].size * dims_[d].a_stride;
        b += rest % dims_[d].size * dims_[d].b_stride;
        rest /= dims_[d].size;
      }
      f(a, b, run * dims_[0].size);
    }
  }

 private:
  struct Dim {
    int64_t size, a_stride, b_stride;
  };
  static constexpr int64_t kMost = 64;  // a tensor has no more
  std::array<Dim, kMost> dims_;         // the innermost first
  int64_t count_ = 0, total_ = 1;
};

inline BoxColumn boxes_from(const Tensor& t, int64_t offset, int64_t row_stride, const char* name) {
  const Type type = type_of(t, name);
  return {static_cast<const char*>(t.const_data_ptr()) + offset * bytes_of(type), row_stride, t.stride(t.dim() - 1),
          type};
}

inline bool is_double(const Tensor& t) { return t.scalar_type() == ScalarType::Double; }

inline OverlapParams overlap_params(const std::string& kind, double epsilon, double joint_epsilon) {
  STD_TORCH_CHECK(epsilon >= 0 && joint_epsilon >= 0, "ptdet: eps must not be negative or NaN");
  return {named("kind", kind, kMetrics), epsilon, joint_epsilon};
}

// A new contiguous tensor beside `like`, of float64 or float32.
inline Tensor new_floats(const Tensor& like, const int64_t* sizes, int64_t dims, bool wide) {
  std::array<int64_t, 66> strides;
  int64_t stride = 1;
  for (int64_t d = dims - 1; d >= 0; --d) {
    strides[static_cast<size_t>(d)] = stride;
    stride *= sizes[d] > 1 ? sizes[d] : 1;
  }
  return new_strided(wide ? aoti_torch_dtype_float64() : aoti_torch_dtype_float32(), like, sizes, strides.data(), dims);
}

}  // namespace ptdet
