// The weighted mean of boxes, added one by one, and a fused box made of it. The order in which they come is part of the
// result. A mean is asked for about the box that it will stand for, which that of rotated_fusion.h needs to know.
#pragma once

#include <cstdint>

#include "math/box.h"
#include "math/finite.h"
#include "math/wide.h"

namespace ptdet {

template <typename T>
struct Sums {
  T x1 = T(0), y1 = T(0), x2 = T(0), y2 = T(0), total = T(0);
};

// Of numbers near 1 (cpu/ordinary.h).
template <typename T>
struct OrdinaryMean : Sums<T> {
  PTDET_HD static OrdinaryMean about(const Box<T>&) { return {}; }

  PTDET_HD void add(const Box<T>& box, T weight, T times) { add(box, weight * times); }
  PTDET_HD void add(const Box<T>& box, T weight) {
    this->x1 = this->x1 + weight * box.x1;
    this->y1 = this->y1 + weight * box.y1;
    this->x2 = this->x2 + weight * box.x2;
    this->y2 = this->y2 + weight * box.y2;
    this->total = this->total + weight;
  }

  // Weights that sum to 0, or a mean that is not finite, leave the box as it is.
  PTDET_HD Box<T> or_else(const Box<T>& box) const {
    const T total = this->total;
    const Box<T> mean{this->x1 / total, this->y1 / total, this->x2 / total, this->y2 / total};
    const bool sound =
        total != T(0) && is_finite(mean.x1) && is_finite(mean.y1) && is_finite(mean.x2) && is_finite(mean.y2);
    return sound ? mean : box;
  }

  PTDET_HD T sum_of_weights() const { return this->total; }
};

// Of any numbers, with the digits of OrdinaryMean where that suffices: sums of T as long as each of their terms lies
// well within the exponents of T, then of Wide<T>.
template <typename T>
struct WeightedMean : Sums<T> {
  using Sums<T>::x1, Sums<T>::y1, Sums<T>::x2, Sums<T>::y2, Sums<T>::total;
  bool is_wide = false;
  int powers[5] = {};  // once it is wide: the sums are the parts

  PTDET_HD static WeightedMean about(const Box<T>&) { return {}; }

  PTDET_HD void add(const Box<T>& box, T weight) { add(box, weight, T(1)); }
  // A weight that is a product.
  PTDET_HD void add(const Box<T>& box, T weight, T times) {
    const T w = weight * times;
    const Box<T> term{w * box.x1, w * box.y1, w * box.x2, w * box.y2};
    if (is_wide || !lies_within(box, term, w)) return add_wide(box, weight, times);
    x1 = x1 + term.x1;
    y1 = y1 + term.y1;
    x2 = x2 + term.x2;
    y2 = y2 + term.y2;
    total = total + w;
  }

  PTDET_HD Box<T> or_else(const Box<T>& box) const {
    if (total == T(0)) return box;
    Box<T> mean{x1 / total, y1 / total, x2 / total, y2 / total};
    if (is_wide || !(is_normal(x1, mean.x1) & is_normal(y1, mean.y1) & is_normal(x2, mean.x2) & is_normal(y2, mean.y2)))
      mean = wide_mean();
    return is_finite(mean.x1) && is_finite(mean.y1) && is_finite(mean.x2) && is_finite(mean.y2) ? mean : box;
  }

  PTDET_HD Wide<T> sum_of_weights() const { return sum(total, 4); }

 private:
  // Within these exponents neither a term nor the sum of 2^32 of them leaves T, and no digit of a term is lost.
  static constexpr int kLeast = sizeof(T) == 4 ? -90 : -900, kMost = -kLeast;

  PTDET_HD static T size_of(T x) { return x < T(0) ? -x : x; }
  PTDET_HD static T smaller(T a, T b) { return a < b ? a : b; }
  PTDET_HD static T larger(T a, T b) { return a > b ? a : b; }

  PTDET_HD static bool lies_within(const Box<T>& box, const Box<T>& term, T w) {
    const T weight = size_of(w), a = size_of(term.x1), b = size_of(term.y1), c = size_of(term.x2), d = size_of(term.y2);
    if (larger(larger(larger(a, b), larger(c, d)), weight) > two_to<T>(kMost)) return false;
    const T least = two_to<T>(kLeast);
    if (smaller(smaller(smaller(a, b), smaller(c, d)), weight) >= least) return true;
    return weight >= least && (a >= least || box.x1 == T(0)) && (b >= least || box.y1 == T(0)) &&
           (c >= least || box.x2 == T(0)) && (d >= least || box.y2 == T(0));
  }

  // A quotient below the normal numbers is rounded to their spacing once it has been rounded to the digits of T.
  PTDET_HD static int is_normal(T part, T quotient) {
    return size_of(quotient) >= two_to<T>(1 - Floating<T>::kBias) || part == T(0);
  }

  PTDET_HD Wide<T> sum(T part, int i) const { return is_wide ? Wide<T>(part, powers[i]) : Wide<T>(part); }

  PTDET_HD void set(T& part, int i, const Wide<T>& sum) { part = sum.part, powers[i] = sum.power; }

  PTDET_RARE void add_wide(const Box<T>& box, T weight, T times) {
    const Wide<T> w = Wide<T>(weight) * Wide<T>(times);
    const Wide<T> sums[] = {sum(x1, 0) + w * Wide<T>(box.x1), sum(y1, 1) + w * Wide<T>(box.y1),
                            sum(x2, 2) + w * Wide<T>(box.x2), sum(y2, 3) + w * Wide<T>(box.y2), sum(total, 4) + w};
    is_wide = true;
    set(x1, 0, sums[0]), set(y1, 1, sums[1]), set(x2, 2, sums[2]), set(y2, 3, sums[3]), set(total, 4, sums[4]);
  }

  PTDET_RARE Box<T> wide_mean() const {
    const Wide<T> w = sum_of_weights();
    return {(sum(x1, 0) / w).narrow(), (sum(y1, 1) / w).narrow(), (sum(x2, 2) / w).narrow(), (sum(y2, 3) / w).narrow()};
  }
};

// A fused box of weighted boxes fusion, and what a member adds to it.
template <typename T, typename Mean = WeightedMean<T>>
struct Fused {
  Mean mean;
  T highest = T(0);
  T weights = T(0);  // of its members' models
  int64_t size = 0;

  // `box` is the fused box, of the founder its own; a score is weighted, `weight` is that of its model.
  template <typename Shape>
  PTDET_HD void add(const Shape& member, T score, T weight, Shape& box) {
    mean.add(member, score);
    weights = weights + weight;
    highest = size == 0 ? score : greater(highest, score);
    box = size == 0 ? member : mean.or_else(box);
    ++size;
  }
};

}  // namespace ptdet
