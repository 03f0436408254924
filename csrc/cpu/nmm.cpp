// Non-maximum merging, greedy and not: a kept box grows to the hull of the boxes it absorbs.

#include "math/nmm.h"
#include "math/threshold.h"
#include "cpu/candidates.h"
#include "cpu/shapes.h"

namespace ptdet::cpu {
namespace {

// In score order, each box gives its own owner to every later box that it overlaps and that has none.
template <typename Shape>
void propagate(const NmsInput& input, const NmsParams& params, const Ranks& ranks, int64_t* owner, const Host& host) {
  using T = NumberOf<Shape>;
  const auto filter = Filter<T>::from(params);
  const auto threshold = Threshold<T>::from(params.iou_threshold, params.inclusive);
  const Groups groups = groups_of(input, ranks, host);
  const TreeSpace<T> space(largest_of(groups), host);
  for_each_group<T, Shape>(input, groups, host, [&](const uint32_t* rows, uint32_t count, const Shape* boxes) {
    Tree<T> tree = space.plant(boxes, count, filter, Role::kCandidate, host);
    for (uint32_t i = 0; i < count; ++i) {
      if (owner[rows[i]] < 0) {
        owner[rows[i]] = rows[i];
        tree.remove(tree.place[i]);
      }
      for_each_met(tree, boxes, boxes[i], params.metric, threshold, space.hits, [&](uint32_t j, uint32_t place, T) {
        owner[rows[j]] = owner[rows[i]];
        tree.remove(place);
      });
    }
  });
}

// Members join in score order, each if it overlaps the box as grown so far.
template <typename Shape>
void grow(const NmsInput& input, const NmsParams& params, const Ranks& ranks, const NmmOutput& output,
          const Host& host) {
  using T = NumberOf<Shape>;
  using Grown = GrownOf<Shape>;
  const auto threshold = Threshold<T>::from(params.iou_threshold, false);
  const NmsOutput& pass = output.pass;
  const Shape* boxes = load_shapes<Shape>(input.boxes, input.count, host);
  int64_t* place = allocate<int64_t>(host, input.count);
  Grown* grown = allocate<Grown>(host, *pass.kept);
  for (int64_t k = 0; k < *pass.kept; ++k)
    grown[place[pass.keep[k]] = k] = Grown::from(boxes[pass.keep[k]], pass.keep[k]);
  for (int64_t r = 0; r < ranks.count; ++r) {
    const uint32_t row = ranks.rows[r];
    const int64_t by = pass.owner[row];
    if (by < 0 || by == row) continue;
    Grown& absorber = grown[place[by]];
    if (threshold.met_by(overlap_by(params.metric, boxes[row], absorber.box))) absorber.absorb(boxes[row], row);
  }
  for (int64_t k = 0; k < input.count; ++k) {
    const Grown found = k < *pass.kept ? grown[k] : Grown::none();
    store_box(output.grown, input.boxes.type, k, found.box);
    if (output.sides) found.write_sides(output.sides, k);
  }
}

template <typename Shape>
void run(const NmsInput& input, const NmmParams& params, const NmmOutput& output, const Host& host) {
  const Ranks ranks = rank_candidates(input, params.pass, host);
  if (params.members_propagate) {
    if (!start_pass(input, output.pass)) return;
    propagate<Shape>(input, params.pass, ranks, output.pass.owner, host);
    list_self_owned(params.pass, ranks, input.count, output.pass, host);
  } else {
    hard_nms<Shape>(input, params.pass, output.pass, host);
  }
  if (*output.pass.kept >= 0) grow<Shape>(input, params.pass, ranks, output, host);
}

}  // namespace

void nmm(const NmsInput& input, const NmmParams& params, const NmmOutput& output, const Host& host) {
  with_shape(input, [&](auto shape) { run<decltype(shape)>(input, params, output, host); });
}

}  // namespace ptdet::cpu
