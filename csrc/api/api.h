// The kernel API: every launcher, declared once, in one file a family of operators. Plain pointers and structs: neither
// side knows torch. A kernel never allocates, synchronises or chooses a stream: memory, threads and streams come from
// the caller.
#pragma once

#include "api/batch.h"
#include "api/channel_norm.h"
#include "api/common.h"
#include "api/evaluation.h"
#include "api/methods.h"
#include "api/nms.h"
#include "api/overlap.h"
#include "api/rotated.h"
#include "api/yolo.h"
