// Faults that the harness must find, one kernel each, and kernels without any. argv[1] names the kernel.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cuda/shared_work.h"
#include "cuda_on_cpu.h"

constexpr int kThreads = 64;

// Uses all there is: must pass everywhere.
__global__ void clean(int* sums, int* all) {
  SHARED_ARRAY(int, numbers, kThreads);
  const int own = threadIdx.x;
  numbers[own] = own;
  __syncthreads();
  const int neighbour = numbers[(own + 1) % kThreads];
  __syncthreads();
  numbers[own] = neighbour;
  __syncwarp(0xffffffffu);
  const int lane_sum = numbers[own / 32 * 32 + (own + 5) % 32];
  if (__syncthreads_count(__shfl_sync(0xffffffffu, lane_sum, 3) >= 0) != kThreads) atomicAdd(all, -1000000);
  if (__ballot_sync(0xffffffffu, own % 2 == 0) != 0x55555555u) atomicAdd(all, -1000000);
  atomicAdd(&sums[blockIdx.x], lane_sum);
  atomicAdd(all, lane_sum);
}

__global__ void race_between_blocks(int* sums, int*) {
  if (threadIdx.x == blockIdx.x) sums[0] = static_cast<int>(blockIdx.x);
}

__global__ void non_atomic_update(int* sums, int*) { sums[blockIdx.x] += 1; }

__global__ void missing_barrier(int* sums, int*) {
  SHARED_ARRAY(int, numbers, kThreads);
  numbers[threadIdx.x] = 1;
  if (numbers[kThreads - 1 - threadIdx.x] == 7) atomicAdd(sums, 1);
}

// A vote promises no order of memory; __syncwarp does.
__global__ void vote_for_barrier(int* sums, int*) {
  SHARED_ARRAY(int, numbers, kThreads);
  const int warp_begin = threadIdx.x / 32 * 32;
  numbers[threadIdx.x] = 1;
  const unsigned all = __ballot_sync(0xffffffffu, true);
  if (all == 0 || numbers[warp_begin + 31 - threadIdx.x % 32] == 7) atomicAdd(sums, 1);
}

__global__ void global_overrun(int* sums, int*) { sums[gridDim.x + (threadIdx.x == 0)] = 1; }

__global__ void shared_overrun(int* sums, int*) {
  SHARED_ARRAY(int, numbers, kThreads);
  SHARED_ARRAY(int, after, kThreads);
  after[threadIdx.x] = 0;
  numbers[threadIdx.x + 1] = 1;
  if (after[threadIdx.x] != 0) atomicAdd(sums, 1);
}

__global__ void bad_shift(int* sums, int*) { atomicAdd(sums, 1 << (threadIdx.x + sums[1])); }

__global__ void divergent_barrier(int* sums, int*) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  atomicAdd(sums, 1);
}

__global__ void skipped_barrier(int* sums, int*) {
  if (threadIdx.x == 5) return;
  __syncthreads();
  atomicAdd(sums, 1);
}

__global__ void absent_lane(int* sums, int*) {
  if (threadIdx.x % 32 == 3) return;
  if (__any_sync(0xffffffffu, true)) atomicAdd(sums, 1);
}

__global__ void split_vote(int* sums, int*) {
  if (threadIdx.x % 2 == 0) {
    if (__any_sync(0xffffffffu, true)) atomicAdd(sums, 1);
  } else {
    if (__any_sync(0xffffffffu, true)) atomicAdd(sums, 1);
  }
}

__global__ void unset_shared(int*, int* all) {
  SHARED_ARRAY(int, numbers, kThreads);
  if (numbers[threadIdx.x] != 0) atomicAdd(all, -1);  // wrong if shared memory happened to be zero
}

// The first block to begin tells the second what it wrote.
template <typename Tell>
void relay(int* sums, int* all, bool barrier, Tell tell) {
  SHARED_ARRAY(int, ticket, 1);
  if (threadIdx.x == 0) *ticket = atomicAdd(&sums[0], 1);
  __syncthreads();
  if (*ticket == 0) {
    if (threadIdx.x == 7) *all = 5;
    if (barrier) __syncthreads();
    if (threadIdx.x == 0) tell(&sums[1]);
  } else if (*ticket == 1) {
    if (threadIdx.x == 0)
      while (cuda_on_cpu::acquire_from(&sums[1]) == 0) cuda_on_cpu::pause(CUDA_ON_CPU_HERE);
    __syncthreads();
    if (threadIdx.x == 9 && *all != 5) sums[2] = 1;
  }
}

__global__ void clean_relay(int* sums, int* all) {
  relay(sums, all, true, [](int* flag) { cuda_on_cpu::publish(flag, 1); });
}

__global__ void plain_flag(int* sums, int* all) {
  relay(sums, all, true, [](int* flag) { *flag = 1; });
}

__global__ void relaxed_flag(int* sums, int* all) {
  relay(sums, all, true, [](int* flag) { atomicAdd(flag, 1); });
}

__global__ void told_too_early(int* sums, int* all) {
  relay(sums, all, false, [](int* flag) { cuda_on_cpu::publish(flag, 1); });
}

__global__ void never_told(int* sums, int* all) {
  relay(sums, all, true, [](int*) {});
}

// Right if all blocks run at once or in their order; nothing promises that.
__global__ void wait_without_ticket(int* sums, int*) {
  if (threadIdx.x != 0) return;
  while (blockIdx.x > 0 && cuda_on_cpu::acquire_from(&sums[blockIdx.x - 1]) == 0) cuda_on_cpu::pause(CUDA_ON_CPU_HERE);
  cuda_on_cpu::publish(&sums[blockIdx.x], 1);
}

// The first block to begin leads: the others take a piece each, and it waits for those that were taken.
template <typename Take, typename Done>
void lead(int* sums, int* all, Take take, Done done) {
  SHARED_ARRAY(int, ticket, 1);
  SHARED_ARRAY(int, piece, 1);
  if (threadIdx.x == 0) *ticket = atomicAdd(&sums[0], 1);
  __syncthreads();
  int* const phase = &sums[1];
  if (*ticket == 0) {
    if (threadIdx.x == 7) *all = 5;
    __syncthreads();
    if (threadIdx.x != 0) return;
    cuda_on_cpu::publish(phase, 1);
    for (int i = 0; i < 10; ++i) cuda_on_cpu::pause(CUDA_ON_CPU_HERE);
    const int taken = atomicAdd(phase, 1000) % 1000 - 1;
    while (cuda_on_cpu::acquire_from(&sums[2]) % 1000 != taken) cuda_on_cpu::pause(CUDA_ON_CPU_HERE);
    if (taken > 0) *all = 6;
  } else {
    if (threadIdx.x == 0) {
      while (cuda_on_cpu::load_relaxed(phase) == 0) cuda_on_cpu::pause(CUDA_ON_CPU_HERE);
      *piece = take(phase);
    }
    __syncthreads();
    if (*piece >= 1000) return;
    if (threadIdx.x == 9 && *all != 5) atomicAdd(&sums[2], 1000);
    __syncthreads();
    if (threadIdx.x == 0) done(&sums[2]);
  }
}

__global__ void clean_lead(int* sums, int* all) {
  lead(
      sums, all, [](int* phase) { return cuda_on_cpu::add_acquire(phase, 1); },
      [](int* sum) { cuda_on_cpu::add_release(sum, 1); });
}

__global__ void taken_relaxed(int* sums, int* all) {
  lead(sums, all, [](int* phase) { return atomicAdd(phase, 1); }, [](int* sum) { cuda_on_cpu::add_release(sum, 1); });
}

__global__ void done_relaxed(int* sums, int* all) {
  lead(sums, all, [](int* phase) { return cuda_on_cpu::add_acquire(phase, 1); }, [](int* sum) { atomicAdd(sum, 1); });
}

// The real one: the first block to begin leads, the others help; pieces of which each adds 1.
__global__ void clean_shared_work(int* sums, int* all) {
  using namespace ptdet::cuda;
  static Counter tickets = 0;
  static Board board = {};
  SHARED_ARRAY(Counter, ticket, 1);
  SHARED_ARRAY(int, piece, 1);
  const auto do_piece = [&](int i) {
    if (threadIdx.x == 7) atomicAdd(&sums[i % 3], 1);
  };
  if (draw_ticket(&tickets, ticket) != 0) return help(&board, piece, [&](const int64_t*, int i) { do_piece(i); });
  Lead lead{&board, 0, piece};
  for (const int pieces : {1, 2, 3}) lead.phase(pieces, {}, do_piece);
  lead.end();
  if (threadIdx.x == 0) *all = sums[0] * 10 + sums[1];
}

struct Planted {
  const char* name;
  void (*kernel)(int*, int*);
};
#define PLANTED(name) {#name, name}
const Planted kPlanted[] = {
    PLANTED(clean),
    PLANTED(race_between_blocks),
    PLANTED(non_atomic_update),
    PLANTED(missing_barrier),
    PLANTED(vote_for_barrier),
    PLANTED(global_overrun),
    PLANTED(shared_overrun),
    PLANTED(bad_shift),
    PLANTED(divergent_barrier),
    PLANTED(skipped_barrier),
    PLANTED(absent_lane),
    PLANTED(split_vote),
    PLANTED(unset_shared),
    PLANTED(clean_relay),
    PLANTED(plain_flag),
    PLANTED(relaxed_flag),
    PLANTED(told_too_early),
    PLANTED(never_told),
    PLANTED(wait_without_ticket),
    PLANTED(clean_lead),
    PLANTED(taken_relaxed),
    PLANTED(done_relaxed),
    PLANTED(clean_shared_work),
};

int main(int, char** argv) {
  constexpr int kBlocks = 3;
  int* sums = static_cast<int*>(std::calloc(kBlocks, sizeof(int)));
  int* all = static_cast<int*>(std::calloc(1, sizeof(int)));
  for (const Planted& planted : kPlanted) {
    if (std::strcmp(planted.name, argv[1]) != 0) continue;
    const auto kernel = planted.kernel;
    LAUNCH(kernel, kBlocks, kThreads, nullptr, sums, all);
    std::printf("%d\n", *all);
  }
  std::free(sums);
  std::free(all);
}
