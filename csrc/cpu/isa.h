// Which instruction set is used: the best this processor has, or what PTDET_CPU asks for.
#pragma once

#include "cpu/walk.h"

namespace ptdet::cpu {

const WalkTable& walk_table();

}  // namespace ptdet::cpu

// Of kBaseline<Name>, kAvx2<Name> and kAvx512<Name> the one for the walk's instruction set.
#if defined(__x86_64__)
#define PTDET_FOR_THIS_PROCESSOR(Name)                                       \
  (&::ptdet::cpu::walk_table() == &::ptdet::cpu::kAvx512Walk ? kAvx512##Name \
   : &::ptdet::cpu::walk_table() == &::ptdet::cpu::kAvx2Walk ? kAvx2##Name   \
                                                             : kBaseline##Name)
#else
#define PTDET_FOR_THIS_PROCESSOR(Name) kBaseline##Name
#endif
