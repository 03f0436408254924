// The weighted mean of rotated boxes, and a rotated box that grows: both relative to one of the boxes, whose frame they
// keep. ptdet/reference/rotated_fusion.py is the same once more.
#pragma once

#include "math/box_fusion.h"
#include "math/nmm.h"
#include "math/rotated_box.h"

namespace ptdet {

// One rectangle can be written as (w, h, angle) and as (h, w, angle + pi/2), and either with pi more. A member is
// brought to the form whose angle is nearest to that of the box the mean is about, within pi/4. Then its five numbers
// can be averaged as numbers: as differences from those of that box.
class RotatedMean {
 public:
  using Shape = RotatedBox<double>;

  RotatedMean() = default;
  PTDET_HD static RotatedMean about(const Shape& box) {
    RotatedMean mean;
    mean.from_ = box;
    return mean;
  }

  PTDET_HD void add(const Shape& box, double weight) { add(box, weight, 1.0); }
  PTDET_HD void add(const Shape& box, double weight, double times) {
    const QuarterTurns<double> turned = quarter_turns(box.angle - from_.angle);
    const bool odd = turned.quadrant * turned.quadrant == 1.0;
    const double w = odd ? box.h : box.w, h = odd ? box.w : box.h;
    numbers_.add({box.cx - from_.cx, box.cy - from_.cy, w - from_.w, h - from_.h}, weight, times);
    turn_.add({turned.rest, 0.0, 0.0, 0.0}, weight, times);
  }

  // Weights that sum to 0, or a mean that is not finite, leave the box as it is.
  PTDET_HD Shape or_else(const Shape& box) const {
    constexpr double kNone = NAN;
    const Box<double> unsound{kNone, kNone, kNone, kNone};
    const Box<double> offset = numbers_.or_else(unsound);
    const double turn = turn_.or_else(unsound).x1;
    const double cx = from_.cx + offset.x1, cy = from_.cy + offset.y1, angle = from_.angle + turn;
    const double w = from_.w + offset.x2, h = from_.h + offset.y2;
    const bool sound = is_finite(cx) && is_finite(cy) && is_finite(w) && is_finite(h) && is_finite(angle);
    return sound ? rotated_box(cx, cy, w, h, angle) : box;
  }

  PTDET_HD Wide<double> sum_of_weights() const { return numbers_.sum_of_weights(); }

 private:
  Shape from_{};
  WeightedMean<double> numbers_, turn_;
};

// In the frame of another box, seen from its centre.
PTDET_HD Box<double> extents_in(const RotatedBox<double>& box, const RotatedBox<double>& frame) {
  const Direction<double> to = direction_in_frame(box, frame);
  const Place<double> at = place_in_frame(box, frame);
  const double c = magnitude(to.cos), s = magnitude(to.sin), w = 0.5 * box.w, h = 0.5 * box.h;
  const double reach_x = c * w + s * h, reach_y = s * w + c * h;
  return {at.x - reach_x, at.y - reach_y, at.x + reach_x, at.y + reach_y};
}

PTDET_HD RotatedBox<double> box_in_frame(const Box<double>& extents, const RotatedBox<double>& frame) {
  const double u = 0.5 * (extents.x1 + extents.x2), v = 0.5 * (extents.y1 + extents.y2);
  return rotated_box(frame.cx + (u * frame.cos - v * frame.sin), frame.cy + (u * frame.sin + v * frame.cos),
                     extents.x2 - extents.x1, extents.y2 - extents.y1, frame.angle);
}

// It grows to the smallest box with its own direction that contains what it absorbs.
struct GrownRotated {
  RotatedBox<double> box, first;
  Grown<double> in_frame;  // of the first

  PTDET_HD static GrownRotated from(const RotatedBox<double>& box, int64_t row) {
    return {box, box, Grown<double>::from(extents_in(box, box), row)};
  }
  PTDET_HD static GrownRotated none() { return {{}, {}, Grown<double>::none()}; }

  PTDET_HD void absorb(const RotatedBox<double>& member, int64_t row) {
    const Box<double> before = in_frame.box;
    in_frame.absorb(extents_in(member, first), row);
    const Box<double>& now = in_frame.box;
    if (now.x1 < before.x1 || now.y1 < before.y1 || now.x2 > before.x2 || now.y2 > before.y2)
      box = box_in_frame(now, first);
  }

  PTDET_HD void write_sides(int64_t* sides, int64_t k) const { in_frame.write_sides(sides, k); }
};

}  // namespace ptdet
