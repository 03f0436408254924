// What one visit leaves of a score in soft-NMS (Bodla et al., ICCV 2017). A measure below 0 counts as 0, so no score
// rises. The score's own type computes.
#pragma once

#include "core/threshold.h"

namespace ptdet {

template <typename Score, typename T>
PTDET_HD Score decay_share(T overlap) {
  const T share = finite_or_zero(overlap);
  return static_cast<Score>(share > T(0) ? share : T(0));
}

template <typename Score, typename T>
PTDET_HD Score gaussian_decay(Score score, T overlap, Score sigma) {
  const Score share = decay_share<Score>(overlap);
  return score * std::exp(-(share * share) / sigma);
}

template <typename Score, typename T>
PTDET_HD Score linear_decay(Score score, T overlap, const Threshold<T>& threshold) {
  return threshold.met_by(overlap) ? score * (Score(1) - decay_share<Score>(overlap)) : score;
}

template <typename Score, typename T>
PTDET_HD Score hard_decay(Score score, T overlap, const Threshold<T>& threshold) {
  return threshold.met_by(overlap) ? Score(0) : score;
}

}  // namespace ptdet
