// The door: every launcher of the house, declared once, in one wing a family. Plain pointers and structs; no torch on
// either side. A kernel never allocates, synchronises or chooses a stream: memory, threads and streams come from the
// caller.
#pragma once

#include "kernels/batch.h"
#include "kernels/channel_norm.h"
#include "kernels/common.h"
#include "kernels/methods.h"
#include "kernels/nms.h"
#include "kernels/overlap.h"
#include "kernels/yolo.h"
