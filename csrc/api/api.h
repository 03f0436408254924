// The door: every launcher of the house, declared once, in one wing a family. Plain pointers and structs; no torch on
// either side. A kernel never allocates, synchronises or chooses a stream: memory, threads and streams come from the
// caller.
#pragma once

#include "api/batch.h"
#include "api/channel_norm.h"
#include "api/common.h"
#include "api/methods.h"
#include "api/nms.h"
#include "api/overlap.h"
#include "api/yolo.h"
