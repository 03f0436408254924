// A vector register of boxes' coordinates: the few operations the filters need, for the instruction set this file
// is compiled for. Included by the .inc files only, inside one namespace per instruction set, so that no two clash.
#pragma once

#if defined(__AVX512F__)

struct FloatLanes {
  static constexpr int kWidth = 16;
  __m512 v;
  static FloatLanes load(const float* p) { return {_mm512_load_ps(p)}; }
  static FloatLanes all(float x) { return {_mm512_set1_ps(x)}; }
  friend FloatLanes lower(FloatLanes a, FloatLanes b) { return {_mm512_min_ps(a.v, b.v)}; }
  friend FloatLanes upper(FloatLanes a, FloatLanes b) { return {_mm512_max_ps(a.v, b.v)}; }
  friend FloatLanes operator+(FloatLanes a, FloatLanes b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend FloatLanes operator-(FloatLanes a, FloatLanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend FloatLanes operator*(FloatLanes a, FloatLanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend uint32_t above(FloatLanes a, FloatLanes b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ); }
  friend uint32_t signs(FloatLanes a) { return _mm512_movepi32_mask(_mm512_castps_si512(a.v)); }
};

struct DoubleLanes {
  static constexpr int kWidth = 8;
  __m512d v;
  static DoubleLanes load(const double* p) { return {_mm512_load_pd(p)}; }
  static DoubleLanes all(double x) { return {_mm512_set1_pd(x)}; }
  friend DoubleLanes lower(DoubleLanes a, DoubleLanes b) { return {_mm512_min_pd(a.v, b.v)}; }
  friend DoubleLanes upper(DoubleLanes a, DoubleLanes b) { return {_mm512_max_pd(a.v, b.v)}; }
  friend DoubleLanes operator+(DoubleLanes a, DoubleLanes b) { return {_mm512_add_pd(a.v, b.v)}; }
  friend DoubleLanes operator-(DoubleLanes a, DoubleLanes b) { return {_mm512_sub_pd(a.v, b.v)}; }
  friend DoubleLanes operator*(DoubleLanes a, DoubleLanes b) { return {_mm512_mul_pd(a.v, b.v)}; }
  friend uint32_t above(DoubleLanes a, DoubleLanes b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_GT_OQ); }
  friend uint32_t signs(DoubleLanes a) { return _mm512_movepi64_mask(_mm512_castpd_si512(a.v)); }
};

#elif defined(__AVX2__)

struct FloatLanes {
  static constexpr int kWidth = 8;
  __m256 v;
  static FloatLanes load(const float* p) { return {_mm256_load_ps(p)}; }
  static FloatLanes all(float x) { return {_mm256_set1_ps(x)}; }
  friend FloatLanes lower(FloatLanes a, FloatLanes b) { return {_mm256_min_ps(a.v, b.v)}; }
  friend FloatLanes upper(FloatLanes a, FloatLanes b) { return {_mm256_max_ps(a.v, b.v)}; }
  friend FloatLanes operator+(FloatLanes a, FloatLanes b) { return {_mm256_add_ps(a.v, b.v)}; }
  friend FloatLanes operator-(FloatLanes a, FloatLanes b) { return {_mm256_sub_ps(a.v, b.v)}; }
  friend FloatLanes operator*(FloatLanes a, FloatLanes b) { return {_mm256_mul_ps(a.v, b.v)}; }
  friend uint32_t above(FloatLanes a, FloatLanes b) { return signs(FloatLanes{_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}); }
  friend uint32_t signs(FloatLanes a) { return static_cast<uint32_t>(_mm256_movemask_ps(a.v)); }
};

struct DoubleLanes {
  static constexpr int kWidth = 4;
  __m256d v;
  static DoubleLanes load(const double* p) { return {_mm256_load_pd(p)}; }
  static DoubleLanes all(double x) { return {_mm256_set1_pd(x)}; }
  friend DoubleLanes lower(DoubleLanes a, DoubleLanes b) { return {_mm256_min_pd(a.v, b.v)}; }
  friend DoubleLanes upper(DoubleLanes a, DoubleLanes b) { return {_mm256_max_pd(a.v, b.v)}; }
  friend DoubleLanes operator+(DoubleLanes a, DoubleLanes b) { return {_mm256_add_pd(a.v, b.v)}; }
  friend DoubleLanes operator-(DoubleLanes a, DoubleLanes b) { return {_mm256_sub_pd(a.v, b.v)}; }
  friend DoubleLanes operator*(DoubleLanes a, DoubleLanes b) { return {_mm256_mul_pd(a.v, b.v)}; }
  friend uint32_t above(DoubleLanes a, DoubleLanes b) {
    return signs(DoubleLanes{_mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ)});
  }
  friend uint32_t signs(DoubleLanes a) { return static_cast<uint32_t>(_mm256_movemask_pd(a.v)); }
};

#elif defined(__SSE2__)

struct FloatLanes {
  static constexpr int kWidth = 4;
  __m128 v;
  static FloatLanes load(const float* p) { return {_mm_load_ps(p)}; }
  static FloatLanes all(float x) { return {_mm_set1_ps(x)}; }
  friend FloatLanes lower(FloatLanes a, FloatLanes b) { return {_mm_min_ps(a.v, b.v)}; }
  friend FloatLanes upper(FloatLanes a, FloatLanes b) { return {_mm_max_ps(a.v, b.v)}; }
  friend FloatLanes operator+(FloatLanes a, FloatLanes b) { return {_mm_add_ps(a.v, b.v)}; }
  friend FloatLanes operator-(FloatLanes a, FloatLanes b) { return {_mm_sub_ps(a.v, b.v)}; }
  friend FloatLanes operator*(FloatLanes a, FloatLanes b) { return {_mm_mul_ps(a.v, b.v)}; }
  friend uint32_t above(FloatLanes a, FloatLanes b) { return signs(FloatLanes{_mm_cmpgt_ps(a.v, b.v)}); }
  friend uint32_t signs(FloatLanes a) { return static_cast<uint32_t>(_mm_movemask_ps(a.v)); }
};

struct DoubleLanes {
  static constexpr int kWidth = 2;
  __m128d v;
  static DoubleLanes load(const double* p) { return {_mm_load_pd(p)}; }
  static DoubleLanes all(double x) { return {_mm_set1_pd(x)}; }
  friend DoubleLanes lower(DoubleLanes a, DoubleLanes b) { return {_mm_min_pd(a.v, b.v)}; }
  friend DoubleLanes upper(DoubleLanes a, DoubleLanes b) { return {_mm_max_pd(a.v, b.v)}; }
  friend DoubleLanes operator+(DoubleLanes a, DoubleLanes b) { return {_mm_add_pd(a.v, b.v)}; }
  friend DoubleLanes operator-(DoubleLanes a, DoubleLanes b) { return {_mm_sub_pd(a.v, b.v)}; }
  friend DoubleLanes operator*(DoubleLanes a, DoubleLanes b) { return {_mm_mul_pd(a.v, b.v)}; }
  friend uint32_t above(DoubleLanes a, DoubleLanes b) { return signs(DoubleLanes{_mm_cmpgt_pd(a.v, b.v)}); }
  friend uint32_t signs(DoubleLanes a) { return static_cast<uint32_t>(_mm_movemask_pd(a.v)); }
};

#elif defined(__aarch64__)

struct FloatLanes {
  static constexpr int kWidth = 4;
  float32x4_t v;
  static FloatLanes load(const float* p) { return {vld1q_f32(p)}; }
  static FloatLanes all(float x) { return {vdupq_n_f32(x)}; }
  friend FloatLanes lower(FloatLanes a, FloatLanes b) { return {vminq_f32(a.v, b.v)}; }
  friend FloatLanes upper(FloatLanes a, FloatLanes b) { return {vmaxq_f32(a.v, b.v)}; }
  friend FloatLanes operator+(FloatLanes a, FloatLanes b) { return {vaddq_f32(a.v, b.v)}; }
  friend FloatLanes operator-(FloatLanes a, FloatLanes b) { return {vsubq_f32(a.v, b.v)}; }
  friend FloatLanes operator*(FloatLanes a, FloatLanes b) { return {vmulq_f32(a.v, b.v)}; }
  friend uint32_t above(FloatLanes a, FloatLanes b) {
    return signs(FloatLanes{vreinterpretq_f32_u32(vcgtq_f32(a.v, b.v))});
  }
  friend uint32_t signs(FloatLanes a) {
    static const int32_t places[4] = {0, 1, 2, 3};
    return vaddvq_u32(vshlq_u32(vshrq_n_u32(vreinterpretq_u32_f32(a.v), 31), vld1q_s32(places)));
  }
};

struct DoubleLanes {
  static constexpr int kWidth = 2;
  float64x2_t v;
  static DoubleLanes load(const double* p) { return {vld1q_f64(p)}; }
  static DoubleLanes all(double x) { return {vdupq_n_f64(x)}; }
  friend DoubleLanes lower(DoubleLanes a, DoubleLanes b) { return {vminq_f64(a.v, b.v)}; }
  friend DoubleLanes upper(DoubleLanes a, DoubleLanes b) { return {vmaxq_f64(a.v, b.v)}; }
  friend DoubleLanes operator+(DoubleLanes a, DoubleLanes b) { return {vaddq_f64(a.v, b.v)}; }
  friend DoubleLanes operator-(DoubleLanes a, DoubleLanes b) { return {vsubq_f64(a.v, b.v)}; }
  friend DoubleLanes operator*(DoubleLanes a, DoubleLanes b) { return {vmulq_f64(a.v, b.v)}; }
  friend uint32_t above(DoubleLanes a, DoubleLanes b) {
    return signs(DoubleLanes{vreinterpretq_f64_u64(vcgtq_f64(a.v, b.v))});
  }
  friend uint32_t signs(DoubleLanes a) {
    const uint64x2_t m = vreinterpretq_u64_f64(a.v);
    return static_cast<uint32_t>(vgetq_lane_u64(m, 0) >> 63 | vgetq_lane_u64(m, 1) >> 63 << 1);
  }
};

#elif defined(__wasm_simd128__)

struct FloatLanes {
  static constexpr int kWidth = 4;
  v128_t v;
  static FloatLanes load(const float* p) { return {wasm_v128_load(p)}; }
  static FloatLanes all(float x) { return {wasm_f32x4_splat(x)}; }
  friend FloatLanes lower(FloatLanes a, FloatLanes b) { return {wasm_f32x4_pmin(b.v, a.v)}; }
  friend FloatLanes upper(FloatLanes a, FloatLanes b) { return {wasm_f32x4_pmax(b.v, a.v)}; }
  friend FloatLanes operator+(FloatLanes a, FloatLanes b) { return {wasm_f32x4_add(a.v, b.v)}; }
  friend FloatLanes operator-(FloatLanes a, FloatLanes b) { return {wasm_f32x4_sub(a.v, b.v)}; }
  friend FloatLanes operator*(FloatLanes a, FloatLanes b) { return {wasm_f32x4_mul(a.v, b.v)}; }
  friend uint32_t above(FloatLanes a, FloatLanes b) { return wasm_i32x4_bitmask(wasm_f32x4_gt(a.v, b.v)); }
  friend uint32_t signs(FloatLanes a) { return wasm_i32x4_bitmask(a.v); }
};

struct DoubleLanes {
  static constexpr int kWidth = 2;
  v128_t v;
  static DoubleLanes load(const double* p) { return {wasm_v128_load(p)}; }
  static DoubleLanes all(double x) { return {wasm_f64x2_splat(x)}; }
  friend DoubleLanes lower(DoubleLanes a, DoubleLanes b) { return {wasm_f64x2_pmin(b.v, a.v)}; }
  friend DoubleLanes upper(DoubleLanes a, DoubleLanes b) { return {wasm_f64x2_pmax(b.v, a.v)}; }
  friend DoubleLanes operator+(DoubleLanes a, DoubleLanes b) { return {wasm_f64x2_add(a.v, b.v)}; }
  friend DoubleLanes operator-(DoubleLanes a, DoubleLanes b) { return {wasm_f64x2_sub(a.v, b.v)}; }
  friend DoubleLanes operator*(DoubleLanes a, DoubleLanes b) { return {wasm_f64x2_mul(a.v, b.v)}; }
  friend uint32_t above(DoubleLanes a, DoubleLanes b) { return wasm_i64x2_bitmask(wasm_f64x2_gt(a.v, b.v)); }
  friend uint32_t signs(DoubleLanes a) { return wasm_i64x2_bitmask(a.v); }
};

#else

// One lane, plain C++: any other processor.
template <typename T>
struct ScalarLanes {
  static constexpr int kWidth = 1;
  T v;
  static ScalarLanes load(const T* p) { return {*p}; }
  static ScalarLanes all(T x) { return {x}; }
  friend ScalarLanes lower(ScalarLanes a, ScalarLanes b) { return {a.v < b.v ? a.v : b.v}; }
  friend ScalarLanes upper(ScalarLanes a, ScalarLanes b) { return {a.v > b.v ? a.v : b.v}; }
  friend ScalarLanes operator+(ScalarLanes a, ScalarLanes b) { return {a.v + b.v}; }
  friend ScalarLanes operator-(ScalarLanes a, ScalarLanes b) { return {a.v - b.v}; }
  friend ScalarLanes operator*(ScalarLanes a, ScalarLanes b) { return {a.v * b.v}; }
  friend uint32_t above(ScalarLanes a, ScalarLanes b) { return a.v > b.v; }
  friend uint32_t signs(ScalarLanes a) { return __builtin_signbit(a.v) != 0; }
};
using FloatLanes = ScalarLanes<float>;
using DoubleLanes = ScalarLanes<double>;

#endif

template <typename T>
struct LanesOf;
template <>
struct LanesOf<float> {
  using type = FloatLanes;
};
template <>
struct LanesOf<double> {
  using type = DoubleLanes;
};
