// The overlap measures (SPEC 2), one stateless struct each. `between(a, b)` is the raw value: NaN or inf
// where the arithmetic gave that, so that a comparison can refuse it and a value can become 0.
// a is the candidate and b the visited box where a measure tells them apart (IoF).
#pragma once

#include "math/angle.h"
#include "math/box.h"

namespace ptdet {

template <typename T>
PTDET_HD T union_area(const Box<T>& a, const Box<T>& b, T inter) {
  return area(a) + area(b) - inter;
}

struct Iou {
  template <typename T>
  PTDET_HD static T between(const Box<T>& a, const Box<T>& b) {
    const T inter = area(intersection(a, b));
    return share(inter, union_area(a, b, inter));
  }
};

// Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019.
struct Giou {
  template <typename T>
  PTDET_HD static T between(const Box<T>& a, const Box<T>& b) {
    const T inter = area(intersection(a, b));
    const T joint = union_area(a, b, inter);
    const T hull = area(enclosing(a, b));
    return share(inter, joint) - finite_or_zero(share(hull - joint, hull));
  }
};

// Zheng et al., "Distance-IoU Loss", AAAI 2020: squared distance of the centres over the squared diagonal of the hull.
template <typename T>
PTDET_HD T centre_distance_share(const Box<T>& a, const Box<T>& b) {
  const T dx = (a.x1 + a.x2) / T(2) - (b.x1 + b.x2) / T(2);
  const T dy = (a.y1 + a.y2) / T(2) - (b.y1 + b.y2) / T(2);
  const Box<T> hull = enclosing(a, b);
  const T w = width(hull), h = height(hull);
  return finite_or_zero(share(dx * dx + dy * dy, w * w + h * h));
}

struct Diou {
  template <typename T>
  PTDET_HD static T between(const Box<T>& a, const Box<T>& b) {
    return Iou::between(a, b) - centre_distance_share(a, b);
  }
};

// Zheng et al., AAAI 2020: DIoU less a term for the difference in aspect ratio.
struct Ciou {
  template <typename T>
  PTDET_HD static T between(const Box<T>& a, const Box<T>& b) {
    const T iou = Iou::between(a, b);
    const T turn = diagonal_angle(width(b), height(b)).value - diagonal_angle(width(a), height(a)).value;
    const T v = T(0.40528473456935108578) * (turn * turn);  // 4 / pi^2
    const T alpha = share(v, T(1) - iou + v);
    return iou - centre_distance_share(a, b) - finite_or_zero(alpha * v);
  }
};

// The share of a that b covers.
struct Iof {
  template <typename T>
  PTDET_HD static T between(const Box<T>& a, const Box<T>& b) {
    return share(area(intersection(a, b)), area(a));
  }
};

// The share of the smaller box that the other covers.
struct Ios {
  template <typename T>
  PTDET_HD static T between(const Box<T>& a, const Box<T>& b) {
    return share(area(intersection(a, b)), lesser(area(a), area(b)));
  }
};

}  // namespace ptdet
