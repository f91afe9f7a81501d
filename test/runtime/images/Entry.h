#ifndef LATHE_TEST_RUNTIME_IMAGES_ENTRY_H
#define LATHE_TEST_RUNTIME_IMAGES_ENTRY_H

#include "runtime/HostAbi.h"

// What an image defines; flat.ld puts the functions where TestArtifact.cpp says they are.
extern "C" {
__attribute__((section(".text.run"))) int32_t run(const lathe::runtime::HostCall *call);
__attribute__((section(".text.arena"))) int64_t arena(const int64_t *symbols);
__attribute__((section(".text.dims"))) void dims(const int64_t *symbols, int64_t *sizes);
// Of a second entry, which needs no arena.
__attribute__((section(".text.second.run"))) int32_t runSecond(const lathe::runtime::HostCall *call);
__attribute__((section(".text.second.arena"))) int64_t arenaSecond(const int64_t *symbols);
__attribute__((section(".text.second.dims"))) void dimsSecond(const int64_t *symbols, int64_t *sizes);
}

#endif // LATHE_TEST_RUNTIME_IMAGES_ENTRY_H
