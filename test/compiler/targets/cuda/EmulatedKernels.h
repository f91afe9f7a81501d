// Makes a library of the printed kernels of a model that runs on the CPU: included, after Emulation.h, before the text
// that the compiler prints.
#ifndef LATHE_TEST_COMPILER_TARGETS_CUDA_EMULATEDKERNELS_H
#define LATHE_TEST_COMPILER_TARGETS_CUDA_EMULATEDKERNELS_H

#include "kernels/Emulation.h"

// A printed kernel says `extern __shared__ __align__(128) char smem[]`, where C++ lets no alignas stand.
#define __shared__
#undef __align__
#define __align__(n) __attribute__((aligned(n)))
static constexpr size_t LargestShared = 228 << 10;
extern "C" {
alignas(1024) char smem[LargestShared];
}

static constexpr unsigned MaxArguments = 64;

template <size_t... I> static void call(void *kernel, const uint64_t *arguments, std::index_sequence<I...>) {
  // Parameters are pointers and 64-bit integers, which are passed alike; what a kernel does not take it does not see.
  reinterpret_cast<void (*)(std::conditional_t<true, uint64_t, std::integral_constant<size_t, I>>...)>(kernel)(
      arguments[I]...);
}

/// Runs all blocks of a launch, odd launches with their threads in reverse; every block must wait for the kernels
/// before. `arguments` holds MaxArguments words.
extern "C" void emulateLaunch(void *kernel, unsigned grid, unsigned threads, unsigned sharedBytes,
                              const uint64_t *arguments) {
  static bool reverse = false;
  lathe::kernels::test::runGrid(
      grid, threads, sharedBytes < LargestShared ? sharedBytes : LargestShared, reverse, smem,
      [&] { call(kernel, arguments, std::make_index_sequence<MaxArguments>()); },
      [](const lathe::kernels::test::Block &block) {
        if (block.Waited)
          return;
        std::fprintf(stderr, "emulation: block %u ends without having called waitForPrevious()\n", block.BlockIndex.x);
        std::exit(1);
      });
  reverse = !reverse;
}

#endif // LATHE_TEST_COMPILER_TARGETS_CUDA_EMULATEDKERNELS_H
