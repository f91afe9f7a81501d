// A stand-in for NVIDIA's driver: libcuda.so.1 with the functions that the runtime uses, on host memory. Work on a
// stream waits until something synchronizes with it, as late as a GPU may do it, so that a missing wait shows. It
// refuses and records what a driver would punish: dead handles, calls without a context, allocation or waiting inside
// a capture, kernel pointers outside live allocations and pinned memory, more shared memory than was asked for, leaks
// when the primary context goes. The functions below steer it; a test finds them in the library with dlsym.
// For programs that know nothing of it: with FAKE_CUDA_IDLE in the environment modules have kernels of every name,
// which do nothing, and memory begins as zeros.
#ifndef LATHE_TEST_RUNTIME_FAKE_CUDA_FAKECUDA_H
#define LATHE_TEST_RUNTIME_FAKE_CUDA_FAKECUDA_H

#include <cstddef>
#include <cstdint>

struct FakeLaunch {
  unsigned grid[3], block[3], sharedBytes;
  const uint64_t *arguments; ///< pointers and integers, in order
};
using FakeKernel = void (*)(const FakeLaunch &launch);

extern "C" {
/// Forgets everything but the kernels, and sets the GPU.
void fakeCudaReset(int major, int minor, size_t memoryBytes);
/// A kernel that modules have. `signature` has a 'p' for a pointer, an 'i' for an int64.
void fakeCudaRegister(const char *name, const char *signature, FakeKernel kernel);
/// Lets the call number `nth` (from 1, counted from now) of a driver function return `result`.
void fakeCudaFail(const char *name, int nth, int result);
/// Calls of a driver function since the reset.
int fakeCudaCalls(const char *name);
/// What was done wrong, a line each; "" if nothing.
const char *fakeCudaViolations();
/// Allocations, pinned memory, streams, events, modules, graphs alive.
size_t fakeCudaAlive();
/// Contexts pushed on this thread.
size_t fakeCudaContextDepth();
/// Address of the largest piece of device memory alive, where a test can read it.
uint64_t fakeCudaLargestAllocation();
/// Puts work of another library on a stream, as its kernels would be; part of a graph inside of a capture.
int fakeCudaEnqueue(void *stream, void (*work)(void *argument), void *argument);
/// The first bytes of the image that was loaded last.
const char *fakeCudaLoadedImage();
}

#endif // LATHE_TEST_RUNTIME_FAKE_CUDA_FAKECUDA_H
