// Lays out the index of a large group.
#pragma once

#include "cpu/prefilter.h"
#include "cpu/box_index.h"

namespace ptdet::cpu {

// Lays out the grid for these boxes; false where one bucket serves better: few boxes, a test that says nothing about
// places, or coordinates whose rounding the reach could not cover.
template <typename T>
bool lay_out_grid(const Box<T>* boxes, uint32_t count, const Filter<T>& filter, const Host& host, Grid& grid);

}  // namespace ptdet::cpu
