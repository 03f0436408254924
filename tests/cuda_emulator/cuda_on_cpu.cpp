// The runtime of cuda_on_cpu.h. Never compiled with a sanitizer: its own reads and writes of the fibres' states are
// no part of the program under test.
#include "cuda_on_cpu.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "context.h"
#include "sanitizers.h"
#include "state.h"

cuda_on_cpu::Index threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_on_cpu {
namespace {

constexpr size_t kStackBytes = 256 * 1024;
constexpr unsigned kLanes = 32;
constexpr size_t kTsanFibres = 1100;  // each makes every barrier dearer, and there is room for some 8000
constexpr unsigned kResidentBlocks = 4;
constexpr size_t kIdleSteps = 64;  // in a row that say that nothing will happen any more

Launch* running = nullptr;
Block* block = nullptr;
Fibre* fibre = nullptr;

void* host_stack_pointer;
void* host_fake_stack;
void* host_tsan;
const void* host_bottom;
size_t host_size;

std::vector<char*> stacks;
std::vector<void*> tsan_fibres;  // one a stack
std::deque<size_t> free_slots;

std::mt19937_64& random_numbers() {
  static std::mt19937_64 numbers = [] {
    const char* given = std::getenv("PTDET_EMULATION_SEED");
    const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::fprintf(stderr, "PTDET_EMULATION_SEED=%llu\n", static_cast<unsigned long long>(seed));
    return std::mt19937_64(seed);
  }();
  return numbers;
}

[[noreturn]] void fail(const Fibre& at, const char* what) {
  std::fprintf(stderr, "cuda_on_cpu: %s, block %u, thread %u: %s (%s:%d)\n", running->name, block->index, at.thread,
               what, at.place.file, at.place.line);
  std::abort();
}

void to_host() {
  leave_asan(fibre->state == FibreState::kDone ? nullptr : &fibre->fake_stack, host_bottom, host_size);
  enter_tsan(host_tsan);
  cuda_on_cpu_switch(&fibre->stack_pointer, host_stack_pointer);
  arrive_asan(fibre->fake_stack, &host_bottom, &host_size);
}

void entry() {
  arrive_asan(nullptr, &host_bottom, &host_size);
  acquire(&running->begin);
  running->body(running->context);
  release(&running->end);
  fibre->state = FibreState::kDone;
  to_host();
  std::abort();
}

void to_fibre(Fibre& next) {
  fibre = &next;
  threadIdx = {next.thread, 0, 0};
  blockIdx = {block->index, 0, 0};
  leave_asan(&host_fake_stack, next.stack, kStackBytes);
  enter_tsan(next.tsan);
  cuda_on_cpu_switch(&host_stack_pointer, next.stack_pointer);
  arrive_asan(host_fake_stack, nullptr, nullptr);
  fibre = nullptr;
}

char* stack_of(size_t slot) {
  while (stacks.size() <= slot) {
    void* memory =
        mmap(nullptr, kStackBytes + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, 4096, PROT_NONE) != 0) {
      std::perror("cuda_on_cpu: a stack");
      std::abort();
    }
    stacks.push_back(static_cast<char*>(memory) + 4096);
  }
  return stacks[slot];
}

// The stack a thread runs on until it leaves the kernel. To ThreadSanitizer a stack is a thread: those of different
// blocks must differ, or it could see no race between blocks, so the one that was left longest ago comes next.
size_t take_slot() {
  const size_t made = stacks.size();
  if (free_slots.empty() || (kTellBlocksApart && made < kTsanFibres)) {
    stack_of(made);
    tsan_fibres.push_back(create_tsan());
    return made;
  }
  const size_t slot = free_slots.front();
  free_slots.pop_front();
  return slot;
}

void release_barrier() {
  Fibre& first = block->fibres[0];
  block->predicates = 0;
  for (Fibre& f : block->fibres) {
    if (f.state == FibreState::kDone) fail(f, "left the kernel while others wait at a barrier");
    if (f.state != FibreState::kAtBarrier) fail(f, "waits for other lanes while others wait at a barrier");
    if (f.place.line != first.place.line || std::strcmp(f.place.file, first.place.file) != 0)
      fail(f, "divergent barrier: other threads wait at another one");
    block->predicates += f.predicate;
  }
  ++block->barriers;
  for (Fibre& f : block->fibres) f.state = FibreState::kReady;
}

enum class Step { kDone, kProgress, kIdle };

// Runs those threads of the block that can run, in a new order, until each waits. kIdle: all that ran wait for others.
Step step_block() {
  std::vector<unsigned> order(block->fibres.size());
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), random_numbers());
  bool ran = false, progress = false, all_done = true;
  for (unsigned thread : order) {
    Fibre& f = block->fibres[thread];
    const FibreState before = f.state;
    if (before == FibreState::kReady || before == FibreState::kPaused) {
      to_fibre(f);
      ran = true;
      progress |= before == FibreState::kReady || f.state != FibreState::kPaused;
    }
    all_done &= f.state == FibreState::kDone;
  }
  if (all_done) return Step::kDone;
  if (ran) return progress ? Step::kProgress : Step::kIdle;
  for (const Fibre& f : block->fibres)
    if (f.state == FibreState::kInWarpOp) fail(f, "its mask names a lane that never comes");
  release_barrier();
  return Step::kProgress;
}

const Fibre& paused_thread() {
  return *std::find_if(block->fibres.begin(), block->fibres.end(),
                       [](const Fibre& f) { return f.state == FibreState::kPaused; });
}

void prepare_block(unsigned index, unsigned threads) {
  block->index = index;
  block->fibres.assign(threads, Fibre{});
  block->warp_tokens.assign((threads + kLanes - 1) / kLanes, 0);
  for (unsigned t = 0; t < threads; ++t) {
    Fibre& f = block->fibres[t];
    f.thread = t;
    f.slot = take_slot();
    f.stack = stack_of(f.slot);
    clean_stack(f.stack, kStackBytes);
    f.stack_pointer = fresh_stack(f.stack + kStackBytes, entry);
    f.tsan = tsan_fibres[f.slot];
    f.place = {"end of the kernel", 0};
  }
}

// PTDET_EMULATION_LAUNCHES asks for a line a launch: its blocks, and the barriers that they reached.
void tell(const Launch& launched, unsigned blocks, size_t barriers) {
  static const bool is_asked = std::getenv("PTDET_EMULATION_LAUNCHES") != nullptr;
  if (is_asked) std::fprintf(stderr, "cuda_on_cpu: launch %s %u %zu\n", launched.name, blocks, barriers);
}

// The arrivals that complete a warp operation let all its lanes go on.
void complete_warp_op(Fibre& last) {
  const unsigned warp_begin = last.thread / kLanes * kLanes;
  uint64_t ballot = 0;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (!(last.mask >> lane & 1)) continue;
    if (warp_begin + lane >= block->fibres.size()) fail(last, "its mask names a lane that does not exist");
    const Fibre& f = block->fibres[warp_begin + lane];
    if (f.state == FibreState::kDone) fail(last, "its mask names a lane that has left the kernel");
    if (f.state != FibreState::kInWarpOp || f.op != last.op || f.mask != last.mask) return;
    if (f.place.line != last.place.line) return;
    ballot |= static_cast<uint64_t>(f.value != 0) << lane;
  }
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (!(last.mask >> lane & 1)) continue;
    Fibre& f = block->fibres[warp_begin + lane];
    const unsigned source = static_cast<unsigned>(f.source) % kLanes;
    if (f.op == Op::kShuffle && !(f.mask >> source & 1)) fail(f, "it reads from a lane outside its mask");
    f.result = f.op == Op::kShuffle ? block->fibres[warp_begin + source].value : ballot;
    f.state = FibreState::kReady;
  }
}

}  // namespace

void launch(const char* name, unsigned blocks, unsigned threads, void (*body)(void*), void* context) {
  if (blocks == 0 || threads == 0 || threads > 1024) {
    std::fprintf(stderr, "cuda_on_cpu: %s: no GPU launches %u blocks of %u threads\n", name, blocks, threads);
    std::abort();
  }
  Launch now{name, body, context, 0, 0};
  running = &now;
  host_tsan = current_tsan();
  gridDim = {blocks, 1, 1};
  blockDim = {threads, 1, 1};
  release(&now.begin);
  std::vector<unsigned> order(blocks);
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), random_numbers());
  const size_t most = kTellBlocksApart ? std::max<size_t>(1, kTsanFibres / threads) : kResidentBlocks;
  const size_t residents = 1 + random_numbers()() % std::min<size_t>(kResidentBlocks, most);
  // A fibre is created with all the host knows, so the host may not learn from one block before the next.
  std::vector<std::unique_ptr<Block>> resident, finished;
  size_t idle = 0, barriers = 0;
  for (size_t next = 0; next < blocks || !resident.empty();) {
    if (next < blocks && resident.size() < residents) {
      resident.push_back(std::make_unique<Block>());
      block = resident.back().get();
      prepare_block(order[next++], threads);
      continue;
    }
    const size_t chosen = random_numbers()() % resident.size();
    block = resident[chosen].get();
    const Step step = step_block();
    idle = step == Step::kIdle ? idle + 1 : 0;
    if (idle > kIdleSteps * resident.size()) fail(paused_thread(), "waits for what no running block will publish");
    if (step != Step::kDone) continue;
    barriers += block->barriers;
    for (const Fibre& f : block->fibres) free_slots.push_back(f.slot);
    std::swap(resident[chosen], resident.back());
    if (kTellBlocksApart) finished.push_back(std::move(resident.back()));
    resident.pop_back();
  }
  block = nullptr;
  acquire(&now.end);
  running = nullptr;
  tell(now, blocks, barriers);
}

void pause(Place place) {
  fibre->place = place;
  fibre->state = FibreState::kPaused;
  to_host();
}

void hold_up() {
  if (random_numbers()() % 4 != 0) return;
  for (uint64_t turns = random_numbers()() % 64; turns > 0; --turns) {
    fibre->state = FibreState::kReady;  // it goes on by itself: no wait for what others do
    to_host();
  }
}

int barrier(Place place, bool predicate) {
  Fibre& self = *fibre;
  char* token = &block->barrier_token[block->barriers % 2];
  self.place = place;
  self.predicate = predicate;
  self.state = FibreState::kAtBarrier;
  release(token);
  to_host();
  acquire(token);
  return block->predicates;
}

uint64_t warp(Place place, Op op, unsigned mask, uint64_t value, int source) {
  Fibre& self = *fibre;
  self.place = place;
  self.op = op;
  self.mask = mask;
  self.value = value;
  self.source = source;
  self.state = FibreState::kInWarpOp;
  if (!(mask >> self.thread % kLanes & 1)) fail(self, "its mask does not name itself");
  char* token = &block->warp_tokens[self.thread / kLanes];
  if (op == Op::kSync) release(token);
  complete_warp_op(self);
  if (self.state != FibreState::kReady) to_host();
  if (op == Op::kSync) acquire(token);
  return self.result;
}

void* shared_array(const void* declaration, size_t bytes) {
  void*& array = block->shared[declaration];
  // Who allocates is the first to come; the others may not race with that.
  if (array == nullptr) {
    array = std::malloc(bytes);
    std::memset(array, 0xa5, bytes);
    release(array);
  } else {
    acquire(array);
  }
  return array;
}

}  // namespace cuda_on_cpu
