// The babbling model without windows.
#include "test/runtime/images/BabbleRun.h"

int32_t run(const lathe::runtime::HostCall *call) { return babble::runModel<0>(call); }
int64_t arena(const int64_t *) { return 0; }
void dims(const int64_t *symbols, int64_t *sizes) { babble::modelDims(symbols, sizes); }
