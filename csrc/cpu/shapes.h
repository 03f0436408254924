// What a pass that merges boxes asks of their shape besides math/box.h: the passes are templates over it.
#pragma once

#include "math/rotated_fusion.h"
#include "cpu/tree_pass.h"

namespace ptdet::cpu {

using Rotated = RotatedBox<double>;

template <typename Shape>
constexpr bool kIsRotated = std::is_same_v<Shape, Rotated>;

template <typename Shape>
constexpr int64_t kNumbers = kIsRotated<Shape> ? 5 : 4;  // of a box in the caller's memory

template <typename Shape>
using GrownOf = std::conditional_t<kIsRotated<Shape>, GrownRotated, Grown<NumberOf<Shape>>>;

template <typename Shape>
void hard_nms(const NmsInput& input, const NmsParams& params, const NmsOutput& output, const Host& host) {
  if constexpr (kIsRotated<Shape>)
    rotated_nms(input, params, output, host);
  else
    nms(input, params, output, host);
}

// body(number, place, overlap) for each of the tree's shapes that meets the threshold.
template <typename T, typename Body>
void for_each_met(const Tree<T>& tree, const Box<T>*, const Box<T>& box, Metric metric, const Threshold<T>& threshold,
                  Hits* hits, Body&& body) {
  for_each_met(tree, box, metric, threshold, hits, body);
}
template <typename Body>
void for_each_met(const Tree<double>& tree, const Rotated* shapes, const Rotated& box, Metric metric,
                  const Threshold<double>& threshold, Hits* hits, Body&& body) {
  for_each_near(tree, box, hits, [&](uint32_t j, uint32_t place) {
    const bool is_candidate = tree.role == Role::kCandidate;
    const double overlap = is_candidate ? overlap_by(metric, shapes[j], box) : overlap_by(metric, box, shapes[j]);
    if (threshold.met_by(overlap)) body(j, place, overlap);
  });
}

}  // namespace ptdet::cpu
