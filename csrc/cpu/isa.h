// Which instruction set the walk uses: the best this processor has, or what PTDET_CPU asks for.
#pragma once

#include "cpu/walk.h"

namespace ptdet::cpu {

const WalkTable& walk_table();

}  // namespace ptdet::cpu
