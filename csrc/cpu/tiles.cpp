#include "cpu/tiles.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <new>
#include <utility>

#include "cpu/typed_io.h"

namespace ptdet::cpu {
namespace {

constexpr int64_t kFewBoxes = 4096;      // below, two threads gain nothing
constexpr int64_t kBoxesPerTile = 8192;  // at most; their index and they fill a core's own cache
constexpr int kDeepest = 12;
constexpr double kMostOnBorder = 0.04;  // undecided boxes go through two passes: more would cost what tiles save

struct Centre {
  double axis[2];
  double reach[2];

  template <typename T>
  Centre(const Box<T>& b, double reach_factor) {
    axis[0] = 0.5 * static_cast<double>(b.x1) + 0.5 * static_cast<double>(b.x2);
    axis[1] = 0.5 * static_cast<double>(b.y1) + 0.5 * static_cast<double>(b.y2);
    // The second term covers the rounding of a centre far from the origin.
    reach[0] = reach_factor * static_cast<double>(width(b)) + 1e-15 * std::fabs(axis[0]);
    reach[1] = reach_factor * static_cast<double>(height(b)) + 1e-15 * std::fabs(axis[1]);
  }
};

// A k-d tree of cuts at the medians of a sample, as a heap: node n has the children 2n + 1 and 2n + 2.
class Cuts {
 public:
  Cuts(Centre* sample, int64_t count, int depth) : depth_(depth) { cut(sample, sample + count, 0, 0); }

  uint32_t tiles() const { return 1u << depth_; }

  uint32_t tile_of(const Centre& centre, bool* border) const {
    uint32_t node = 0;
    bool near = false;
    for (int level = 0; level < depth_; ++level) {
      const Cut& c = cuts_[node];
      const double beyond = centre.axis[c.axis] - c.at;
      near |= std::fabs(beyond) <= centre.reach[c.axis];
      node = 2 * node + 1 + (beyond >= 0);
    }
    *border = near;
    return node - ((1u << depth_) - 1);
  }

 private:
  struct Cut {
    double at;
    int axis;
  };

  void cut(Centre* begin, Centre* end, uint32_t node, int level) {
    if (level == depth_) return;
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (const Centre* c = begin; c < end; ++c)
      for (int axis = 0; axis < 2; ++axis) {
        low[axis] = std::min(low[axis], c->axis[axis]);
        high[axis] = std::max(high[axis], c->axis[axis]);
      }
    const int axis = high[1] - low[1] > high[0] - low[0];
    Centre* middle = begin + (end - begin) / 2;
    if (begin < end) {
      std::nth_element(begin, middle, end,
                       [axis](const Centre& a, const Centre& b) { return a.axis[axis] < b.axis[axis]; });
      cuts_[node] = {middle->axis[axis], axis};
    } else {
      cuts_[node] = {0, 0};
    }
    cut(begin, middle, 2 * node + 1, level + 1);
    cut(middle, end, 2 * node + 2, level + 1);
  }

  int depth_;
  Cut cuts_[1 << kDeepest];
};

constexpr uint16_t kBorderBit = 0x8000;

// body(i, box) for the boxes of rows[begin, end).
template <typename T, typename Body>
void for_boxes(const BoxColumn& boxes, const uint32_t* rows, int64_t begin, int64_t end, Body&& body) {
  constexpr int64_t kAtOnce = 256;
  Box<T> some[kAtOnce];
  for (int64_t i = begin; i < end; i += kAtOnce) {
    const int64_t n = std::min(kAtOnce, end - i);
    gather_boxes(boxes, rows + i, 0, n, some);
    for (int64_t k = 0; k < n; ++k) body(i + k, some[k]);
  }
}

}  // namespace

template <typename T>
Tiles cut_into_tiles(const BoxColumn& boxes, const uint32_t* rows_by_rank, int64_t count, const Filter<T>& filter,
                     const Host& host) {
  int depth = host.threads > 1 && count > kFewBoxes ? 1 : 0;
  while (depth < kDeepest && (kBoxesPerTile << depth) < count) ++depth;
  if (depth == 0 || !filter.bounds_distance()) return {};

  // One half of a sample makes the cuts, the other one tells how many boxes they meet.
  const double reach = filter.reach();
  const int64_t samples = std::min<int64_t>(count / 8, int64_t{64} << depth);
  uint32_t* sampled = allocate<uint32_t>(host, samples);
  for (int64_t i = 0; i < samples; ++i) sampled[i] = rows_by_rank[count * i / samples];
  Centre* centres[2] = {allocate<Centre>(host, samples), allocate<Centre>(host, samples)};
  int64_t taken[2] = {0, 0};
  for_boxes<T>(boxes, sampled, 0, samples, [&](int64_t i, const Box<T>& box) {
    if (!filter.inert(area(box))) new (&centres[i & 1][taken[i & 1]++]) Centre(box, reach);
  });
  const Cuts& cuts = *new (allocate<Cuts>(host, 1)) Cuts(centres[0], taken[0], depth);
  const uint32_t tiles = cuts.tiles();
  int64_t near = 0;
  for (int64_t i = 0; i < taken[1]; ++i) {
    bool border;
    cuts.tile_of(centres[1][i], &border);
    near += border;
  }
  if (static_cast<double>(near) > kMostOnBorder * static_cast<double>(taken[1])) return {};

  // The tile of each candidate, in score order; then, stably, tile by tile.
  const int64_t parts = parts_for(host, count);
  uint16_t* tile = allocate<uint16_t>(host, count);
  uint32_t* counts = allocate<uint32_t>(host, parts * tiles);
  std::atomic<bool> too_small{false};
  parallel_for(host, parts, [&](int64_t part) {
    uint32_t* mine = counts + part * tiles;
    std::fill_n(mine, tiles, 0u);
    T smallest = INFINITY;
    for_boxes<T>(boxes, rows_by_rank, count * part / parts, count * (part + 1) / parts,
                 [&](int64_t i, const Box<T>& box) {
                   const T box_area = area(box);
                   bool border = false;
                   uint32_t t = 0;
                   if (!filter.inert(box_area)) {
                     t = cuts.tile_of(Centre(box, reach), &border);
                     smallest = std::min(smallest, box_area);
                   }
                   tile[i] = static_cast<uint16_t>(t | (border ? kBorderBit : 0));
                   ++mine[t];
                 });
    if (filter.too_small(smallest)) too_small = true;
  });
  if (too_small) return {};

  uint32_t* starts = allocate<uint32_t>(host, tiles + 1);
  uint32_t start = 0;
  for (uint32_t t = 0; t < tiles; ++t) {
    starts[t] = start;
    for (int64_t part = 0; part < parts; ++part) start += std::exchange(counts[part * tiles + t], start);
  }
  starts[tiles] = start;

  uint32_t* ranks = allocate<uint32_t>(host, count);
  uint32_t* rows = allocate<uint32_t>(host, count);
  bool* border = allocate<bool>(host, count);
  parallel_for(host, parts, [&](int64_t part) {
    uint32_t* next = counts + part * tiles;
    for (int64_t i = count * part / parts; i < count * (part + 1) / parts; ++i) {
      const uint32_t at = next[tile[i] & ~kBorderBit]++;
      ranks[at] = static_cast<uint32_t>(i);
      rows[at] = rows_by_rank[i];
      border[at] = tile[i] & kBorderBit;
    }
  });
  return {tiles, starts, ranks, rows, border};
}

template Tiles cut_into_tiles(const BoxColumn&, const uint32_t*, int64_t, const Filter<float>&, const Host&);
template Tiles cut_into_tiles(const BoxColumn&, const uint32_t*, int64_t, const Filter<double>&, const Host&);

}  // namespace ptdet::cpu
