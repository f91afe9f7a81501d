// The operations of the `lathe` dialect that are written as loops (Lathe_LoopOp): apart from Lathe.h, which most
// sources include, because this list is long.
#ifndef LATHE_DIALECTS_LATHE_LOOPOPS_H
#define LATHE_DIALECTS_LATHE_LOOPOPS_H

#include "dialects/lathe/Lathe.h"

#define GET_OP_CLASSES
#include "dialects/lathe/LoopOps.h.inc"

#endif // LATHE_DIALECTS_LATHE_LOOPOPS_H
