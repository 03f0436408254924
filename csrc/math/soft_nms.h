// What a selected box leaves of the score of another in soft-NMS (Bodla et al., ICCV 2017). A measure below 0 counts as
// 0, so no score rises. The score's own type computes.
#pragma once

#include "math/elementary.h"
#include "math/threshold.h"

namespace ptdet {

template <typename Score>
PTDET_HD Score decay_share(Score overlap) {
  return greater(finite_or_zero(overlap), Score(0));
}

template <typename Score>
PTDET_HD Score gaussian_decay(Score score, Score overlap, Score sigma) {
  const Score share = decay_share(overlap);
  return score * exponential(-(share * share) / sigma);
}

template <typename Score>
PTDET_HD Score linear_decay(Score score, Score overlap) {
  return score * (Score(1) - decay_share(overlap));
}

}  // namespace ptdet
