// Segments as the work of one block each; blocks with no segment of their own help those that have a large one. The
// block that leads a large segment announces phases of so many pieces, and every free block takes pieces, the leader
// too. It waits only for pieces that were taken, by blocks that run; and who has taken a piece waits for nobody until
// it is done. So any number of resident blocks will do, one also, and no cooperative launch is needed.
#pragma once

#include "cuda/block_per_group.h"
#include "cuda/concurrent.h"
#include "cuda/inter_block_sync.h"

namespace ptdet::cuda {

#if defined(PTDET_NMS_TILE)
constexpr int64_t kLargeSegment = kGroupBlock + 8;
constexpr int64_t kHelpers = 3;
#else
constexpr int64_t kLargeSegment = 1024;  // boxes; below that the others come too late to help
constexpr int64_t kHelpers = 128;
#endif

// Of one leader: where it announces phases. All zero at the start.
struct Board {
  Counter phase;       // pieces << 32 | how many of them were taken, or more; from kOver on: there are no more
  Counter done;        // pieces that others have done, of all phases
  int64_t numbers[5];  // what the phase is about

  static constexpr Counter kOver = Counter(1) << 63;
  // Who saw a piece left just before the end adds to kOver as well.
  __device__ static bool is_over(Counter phase) { return phase >= kOver; }
  __device__ static int pieces(Counter phase) { return static_cast<int>(phase >> 32 & 0x7fffffff); }
  __device__ static int taken(Counter phase) { return static_cast<int>(phase & 0xffffffff); }
};

// The work of one block on a segment: the same in all its threads.
struct Lead {
  Board* board;  // null: of a small segment, which gets no help
  int64_t slot;  // which of the large segments; -1: none
  int* piece;    // (1) shared by the block
  Counter helped = 0;

  // Every thread of the block calls it: do_piece(i) for each i below `pieces`, by one block each, which ends before any
  // thread goes on. What it reads is what this block has written before, and `numbers`.
  template <typename DoPiece>
  __device__ void phase(int pieces, const int64_t (&numbers)[5], DoPiece&& do_piece) {
    if (board != nullptr && threadIdx.x == 0)
      for (int i = 0; i < 5; ++i) board->numbers[i] = numbers[i];
    __syncthreads();
    if (board != nullptr && threadIdx.x == 0) publish(&board->phase, static_cast<Counter>(pieces) << 32);
    int own = 0;
    for (;; ++own) {
      if (threadIdx.x == 0) *piece = board == nullptr ? own : Board::taken(atomicAdd(&board->phase, Counter(1)));
      __syncthreads();
      const int i = *piece;
      if (i >= pieces) break;
      do_piece(i);
      __syncthreads();  // all have read its number
    }
    helped += static_cast<Counter>(pieces - own);
    if (board != nullptr && threadIdx.x == 0) {
      while (load_relaxed(&board->done) != helped) pause(100);
      acquire(&board->done);  // now the first cache is given up, not at every look
    }
    __syncthreads();
  }

  __device__ void end() const {
    __syncthreads();
    if (board != nullptr && threadIdx.x == 0) publish(&board->phase, Board::kOver);
  }
};

// Takes pieces until the leader has ended: do_piece(numbers, i). Every thread of the block calls it.
template <typename DoPiece>
__device__ void help(Board* board, int* piece, DoPiece&& do_piece) {
  for (;;) {
    if (threadIdx.x == 0) {
      *piece = -1;
      for (Counter seen = load_relaxed(&board->phase); !Board::is_over(seen); seen = load_relaxed(&board->phase)) {
        if (Board::taken(seen) < Board::pieces(seen)) {
          seen = add_acquire(&board->phase, Counter(1));
          if (Board::is_over(seen)) break;
          *piece = Board::taken(seen);
          if (*piece < Board::pieces(seen)) break;
          *piece = -1;
        }
        pause(100);
      }
    }
    __syncthreads();
    const int i = *piece;
    __syncthreads();  // all have read it
    if (i < 0) return;
    do_piece(board->numbers, i);
    __syncthreads();
    if (threadIdx.x == 0) add_release(&board->done, Counter(1));
  }
}

// Which segments there are, the large ones apart.
struct SharedWork {
  Segments segments;  // the small ones; the ends of all
  int64_t* large;     // their first positions, in no particular order
  Board* boards;      // [of large]
  Counter* counters;  // how many are large, how many of them have a leader, how many blocks help

  SharedWork(Layout& layout, int64_t count)
      : segments(layout, count),
        large(layout.take<int64_t>(most_large(count))),
        boards(layout.take<Board>(most_large(count))),
        counters(layout.take<Counter>(3)) {}

  PTDET_HD static int64_t most_large(int64_t count) { return count / kLargeSegment + 1; }
  static int64_t blocks(const int64_t* groups, int64_t count) {
    return groups == nullptr && count >= kLargeSegment ? kHelpers : group_blocks(groups, count);
  }

  // By one thread, before `find`.
  __device__ void clear() const { *segments.found = counters[0] = counters[1] = counters[2] = 0; }

  // By a thread for each position.
  __device__ void find(const int64_t* groups, const int64_t* rows, Keys keys, int64_t position, int64_t count) const {
    if (position < most_large(count)) boards[position] = {};
    const int64_t size = segments.find_end(groups, rows, keys, position, count);
    if (size >= kLargeSegment)
      large[atomicAdd(&counters[0], Counter(1))] = position;
    else if (size > 0)
      segments.list(position);
  }

  // do_segment(start, lead) for each segment, by one block, the large ones first; do_piece(numbers, i) by those who
  // help. Every thread of the block calls it; `piece` and `ticket` are shared by the block.
  template <typename DoSegment, typename DoPiece>
  __device__ void run(int* piece, Counter* ticket, DoSegment&& do_segment, DoPiece&& do_piece) const {
    const int64_t all_large = static_cast<int64_t>(counters[0]), all_small = static_cast<int64_t>(*segments.found);
    bool large_left = all_large > 0;
    for (int64_t small = blockIdx.x;;) {
      Lead lead{nullptr, -1, piece};
      if (large_left) {
        const int64_t drawn = draw_ticket(&counters[1], ticket);
        large_left = drawn < all_large;
        if (large_left) lead.slot = drawn, lead.board = &boards[drawn];
      }
      if (!large_left && small >= all_small) break;
      do_segment(large_left ? large[lead.slot] : segments.starts[small], lead);
      lead.end();
      if (!large_left) small += gridDim.x;
    }
    if (all_large == 0) return;
    __syncthreads();  // all have read the ticket
    const int64_t helper = draw_ticket(&counters[2], ticket);
    if (helper >= kHelpers) return;
    for (int64_t i = 0; i < all_large; ++i) help(&boards[(helper + i) % all_large], piece, do_piece);
  }
};

}  // namespace ptdet::cuda
