// Counting for the sort of a few keys (cpu/sort.h), for each instruction set.
#pragma once

#include <cstdint>

namespace ptdet::cpu {

// smaller[i] = how many of keys[0, count) are below keys[i], for i in [0, padded), a multiple of 16.
using CountSmaller = void (*)(const int32_t* keys, uint32_t count, uint32_t padded, int32_t* smaller);

}  // namespace ptdet::cpu
