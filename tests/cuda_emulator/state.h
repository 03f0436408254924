// What the runtime knows of a launch: its blocks and their threads.
#pragma once

#include <cstdlib>
#include <map>
#include <vector>

#include "cuda_on_cpu.h"

namespace cuda_on_cpu {

enum class FibreState { kReady, kPaused, kAtBarrier, kInWarpOp, kDone };

struct Fibre {
  FibreState state;
  unsigned thread;
  size_t slot;
  char* stack;
  void* stack_pointer;
  void* fake_stack;
  void* tsan;
  Place place;  // of the barrier or warp operation it waits in
  bool predicate;
  Op op;
  unsigned mask;
  uint64_t value, result;
  int source;
};

struct Block {
  unsigned index;
  std::vector<Fibre> fibres;
  std::map<const void*, void*> shared;
  int barriers = 0;    // passed so far
  int predicates = 0;  // of the last barrier
  char barrier_token[2];
  std::vector<char> warp_tokens;

  ~Block() {
    for (const auto& array : shared) std::free(array.second);
  }
};

struct Launch {
  const char* name;
  void (*body)(void*);
  void* context;
  char begin, end;  // tokens
};

}  // namespace cuda_on_cpu
