// The loops of the long tail of operations, whose native build is the reference.
#include "dialects/lathe/reference/loops/Loops.h"
#include "compiler/targets/cpu/kernels/Kernel.h"

#define LATHE_LOOP(name, Struct)                                                                                       \
  LATHE_TEMPLATE int32_t lathe_loop_##name(const lathe::loops::LoopCall *call) {                                       \
    return lathe::loops::Struct::run(*call);                                                                           \
  }                                                                                                                    \
  LATHE_TEMPLATE int64_t lathe_loop_##name##_tiles(const lathe::loops::LoopCall *call) {                               \
    return lathe::loops::Struct::tiles(call->inputs, call->outputs, call->attributes);                                 \
  }
#include "dialects/lathe/reference/loops/Loops.def"
