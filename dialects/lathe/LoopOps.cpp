#include "dialects/lathe/LoopOps.h"

using namespace mlir;
using namespace lathe;

void LatheDialect::registerLoopOps() {
  addOperations<
#define GET_OP_LIST
#include "dialects/lathe/LoopOps.cpp.inc"
      >();
}

#define GET_OP_CLASSES
#include "dialects/lathe/LoopOps.cpp.inc"
