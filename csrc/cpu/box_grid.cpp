#include "cpu/box_grid.h"

#include <algorithm>
#include <cmath>

#include "cpu/parallel.h"

namespace ptdet::cpu {
namespace {

constexpr uint32_t kFewBoxes = 384;     // below, one bucket is faster
constexpr double kFinestReach = 0.001;  // near IoU 1 cells would shrink to nothing
constexpr double kBoxesPerCell = 8;
constexpr double kCoarsest = 4;

struct Extent {
  double min_x = INFINITY, min_y = INFINITY, max_x = -INFINITY, max_y = -INFINITY;
  double min_side = INFINITY, max_side = 0;
  bool tiny = false;  // an area whose relative precision is gone

  void include(const Extent& e) {
    min_x = std::min(min_x, e.min_x), min_y = std::min(min_y, e.min_y);
    max_x = std::max(max_x, e.max_x), max_y = std::max(max_y, e.max_y);
    min_side = std::min(min_side, e.min_side), max_side = std::max(max_side, e.max_side);
    tiny |= e.tiny;
  }
};

template <typename T>
Extent survey(const Box<T>* boxes, int64_t begin, int64_t end, const Filter<T>& filter) {
  T min_x = INFINITY, min_y = INFINITY, max_x = -INFINITY, max_y = -INFINITY, min_side = INFINITY, max_side = 0;
  T min_area = INFINITY;
  for (int64_t i = begin; i < end; ++i) {
    const Box<T>& b = boxes[i];
    const T a = area(b);
    if (filter.inert(a)) continue;
    const T side = std::max(b.x2 - b.x1, b.y2 - b.y1);
    min_x = std::min(min_x, b.x1), max_x = std::max(max_x, b.x2);
    min_y = std::min(min_y, b.y1), max_y = std::max(max_y, b.y2);
    min_side = std::min(min_side, side), max_side = std::max(max_side, side);
    min_area = std::min(min_area, a);
  }
  return {min_x, min_y, max_x, max_y, min_side, max_side, filter.too_small(min_area)};
}

// No scaled side of this level is as long.
double top_of(int level) { return std::ldexp(1.0, 2 * (level + 1) - 1023); }

// Fills grid.levels with cells `scale` times their least size; how many cells there are, or 0 if the coordinates are
// too far out for their rounding to be covered by the reach.
double lay_out_levels(Grid& grid, const Extent& all, double far, double scale) {
  double cells = 0;
  for (int l = grid.lowest; l <= grid.highest; ++l) {
    const double longest = top_of(l) / grid.scale;
    const double cell = 2 * std::max(grid.reach, kFinestReach) * longest * scale;
    if (!(far * 1e-14 < cell)) return 0;
    const double columns = std::min((all.max_x - all.min_x) / cell + 2, 1e15);
    const double rows = std::min((all.max_y - all.min_y) / cell + 2, 1e15);
    grid.levels[l] = {1 / cell, static_cast<uint64_t>(std::min(cells, 1e15)), static_cast<uint64_t>(columns)};
    cells += columns * rows;
  }
  return cells;
}

}  // namespace

template <typename T>
bool lay_out_grid(const Box<T>* boxes, uint32_t count, const Filter<T>& filter, const Host& host, Grid& grid) {
  if (count < kFewBoxes || !filter.bounds_distance()) return false;

  const int64_t parts = parts_for(host, count);
  Extent* extents = allocate<Extent>(host, parts);
  parallel_for(host, parts, [&](int64_t part) {
    extents[part] = survey(boxes, count * part / parts, count * (part + 1) / parts, filter);
  });
  Extent all;
  for (int64_t part = 0; part < parts; ++part) all.include(extents[part]);
  if (all.max_side == 0 || all.tiny) return false;

  grid.scale = top_of(level_of(all.max_side)) / all.max_side * (1 - 1e-12);
  grid.smaller = grid.scale * filter.iou;
  grid.larger = grid.scale / filter.iou;
  grid.reach = filter.reach();
  grid.min_x = all.min_x;
  grid.min_y = all.min_y;
  grid.lowest = level_of(all.min_side * grid.scale);
  grid.highest = level_of(all.max_side * grid.scale);
  if (!grid.levels) grid.levels = allocate<Level>(host, Grid::kLevels);

  const double far = std::max(std::max(std::fabs(all.min_x), std::fabs(all.max_x)),
                              std::max(std::fabs(all.min_y), std::fabs(all.max_y)));
  double cells = lay_out_levels(grid, all, far, 1);
  // Few boxes a cell would leave most of each chunk empty: larger cells are as right, and hold more.
  const double enough = static_cast<double>(count) / kBoxesPerCell;
  if (cells > enough) cells = lay_out_levels(grid, all, far, std::min(std::sqrt(cells / enough), kCoarsest));
  if (cells == 0) return false;

  uint64_t buckets = 1;
  while (static_cast<double>(buckets) < cells && buckets < count / 4) buckets *= 2;
  grid.bucket_mask = buckets - 1;
  return true;
}

template bool lay_out_grid(const Box<float>*, uint32_t, const Filter<float>&, const Host&, Grid&);
template bool lay_out_grid(const Box<double>*, uint32_t, const Filter<double>&, const Host&, Grid&);

}  // namespace ptdet::cpu
