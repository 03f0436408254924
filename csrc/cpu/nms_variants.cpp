// AND: of the boxes that hard NMS selects, those that a box then alive confirms. Adaptive: the threshold of a selected
// box rises with its density.
#include <algorithm>

#include "math/threshold.h"
#include "cpu/candidates.h"
#include "cpu/tree_pass.h"
#include "api/dispatch.h"

namespace ptdet::cpu {
namespace {

template <typename Shape>
struct Confirming {
  Metric metric;
  Threshold<NumberOf<Shape>> threshold;

  bool operator()(const Shape& selected, const Shape& other) const {
    return threshold.met_by(overlap_by(metric, other, selected));
  }
};

// The boxes that a selected one removes may confirm it, and others alive that overlap it less than the pass asks for.
template <typename Shape>
class Confirmation {
  using T = NumberOf<Shape>;

 public:
  Confirmation(const NmsInput& input, const AndParams& params, const int64_t* owner, const Host& host)
      : input_(input),
        params_(params),
        owner_(owner),
        host_(host),
        confirms_{params.pass.metric, Threshold<T>::from(params.overlap_threshold, false)},
        boxes_(load_shapes<Shape>(input.boxes, input.count, host)),
        confirmed_(allocate<bool>(host, input.count)) {
    std::fill_n(confirmed_, input.count, false);
  }

  const bool* run() {
    for (int64_t row = 0; row < input_.count; ++row) {
      const int64_t by = owner_[row];
      if (by >= 0 && by != row && !confirmed_[by]) confirmed_[by] = confirms_(boxes_[by], boxes_[row]);
    }
    // Above the pass's own threshold all that confirm are removed too.
    if (params_.overlap_threshold < params_.pass.iou_threshold) ask_all();
    return confirmed_;
  }

 private:
  void ask_all() {
    const Ranks ranks = rank_candidates(input_, params_.pass, host_);
    uint32_t* rank_of = allocate<uint32_t>(host_, input_.count);
    for (int64_t r = 0; r < ranks.count; ++r) rank_of[ranks.rows[r]] = static_cast<uint32_t>(r);
    const Groups groups = groups_of(input_, ranks, host_);
    const TreeSpace<T> space(largest_of(groups), host_);
    for_each_group<NumberOf<Shape>, Shape>(input_, groups, host_,
                                           [&](const uint32_t* rows, uint32_t count, const Shape* members) {
                                             ask_group(rows, count, rank_of, space, members);
                                           });
  }

  void ask_group(const uint32_t* rows, uint32_t count, const uint32_t* rank_of, const TreeSpace<T>& space,
                 const Shape* members) {
    if (count < 2) return;
    NmsParams asked = params_.pass;
    asked.iou_threshold = params_.overlap_threshold;
    asked.inclusive = false;
    const Tree<T> tree = space.plant(members, count, Filter<T>::from(asked), Role::kCandidate, host_);
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t selected = rows[i];
      if (owner_[selected] != selected || confirmed_[selected]) continue;
      bool found = false;
      for_each_near(tree, members[i], space.hits, [&](uint32_t j, uint32_t) {
        if (found || j <= i || rank_of[owner_[rows[j]]] < rank_of[selected]) return;  // not alive
        found = confirms_(members[i], members[j]);
      });
      confirmed_[selected] = found;
    }
  }

  const NmsInput& input_;
  const AndParams& params_;
  const int64_t* owner_;
  const Host& host_;
  const Confirming<Shape> confirms_;
  const Shape* boxes_;
  bool* confirmed_;
};

// A density only raises a threshold, so the tree finds whom the least of them could remove. It holds whom no box has
// removed or selected yet.
template <typename Shape>
void remove_by_density(const NmsInput& input, const NmsParams& params, const double* densities, const Ranks& ranks,
                       int64_t* owner, const Host& host) {
  remove_met_in_groups<Shape>(
      input, params, ranks, Removing::kSelected, owner, host, [&](const Shape* boxes, const uint32_t* rows) {
        return [&, boxes, rows](uint32_t i, const Shape* placed, uint32_t* places, uint32_t count) {
          const double threshold = adaptive_threshold(params.iou_threshold, densities[rows[i]]);
          const auto stays = [&](uint32_t at) {
            return !meets(overlap_by(params.metric, placed[at], boxes[i]), threshold, params.inclusive);
          };
          return static_cast<uint32_t>(std::remove_if(places, places + count, stays) - places);
        };
      });
}

}  // namespace

void adaptive_nms(const AdaptiveInput& given, const NmsParams& params, const NmsOutput& output, const Host& host) {
  const NmsInput& input = given.pass;
  int64_t* owner = output.owner ? output.owner : allocate<int64_t>(host, input.count);
  const NmsOutput owned{output.keep, owner, output.kept};
  if (!start_pass(input, owned)) return;
  const double* densities = load_column<double>(given.densities, input.count, host);
  if (std::any_of(densities, densities + input.count, [](double density) { return density != density; })) {
    *output.kept = kNumberIsNan;
    return;
  }
  const Ranks ranks = rank_candidates(input, params, host);
  with_shape(input,
             [&](auto shape) { remove_by_density<decltype(shape)>(input, params, densities, ranks, owner, host); });
  list_self_owned(params, ranks, input.count, owned, host);
}

void and_nms(const NmsInput& input, const AndParams& params, const NmsOutput& output, const Host& host) {
  NmsParams pass = params.pass;
  pass.max_output = input.count;
  int64_t* owner = output.owner ? output.owner : allocate<int64_t>(host, input.count);
  const NmsOutput owned{output.keep, owner, output.kept};
  input.numbers == 5 ? rotated_nms(input, pass, owned, host) : nms(input, pass, owned, host);
  const int64_t selected = *output.kept;
  if (selected <= 0) return;

  const bool* confirmed = nullptr;
  with_shape(input, [&](auto shape) { confirmed = Confirmation<decltype(shape)>(input, params, owner, host).run(); });
  uint32_t* place = allocate<uint32_t>(host, input.count);
  int64_t kept = 0, end = selected;  // places before `end` are selected
  for (int64_t k = 0; k < selected; ++k) {
    const int64_t row = output.keep[k];
    place[row] = static_cast<uint32_t>(k);
    if (!confirmed[row]) continue;
    if (kept == params.pass.max_output) {
      end = std::min(end, kept > 0 ? static_cast<int64_t>(place[output.keep[kept - 1]]) + 1 : 0);
    } else {
      output.keep[kept++] = row;
    }
  }
  std::fill(output.keep + kept, output.keep + selected, -1);
  *output.kept = kept;
  if (!output.owner || end == selected) return;
  for (int64_t row = 0; row < input.count; ++row)
    if (owner[row] >= 0 && place[owner[row]] >= end) owner[row] = -1;
}

}  // namespace ptdet::cpu
