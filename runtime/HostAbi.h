// The contract between generated host code and the runtime.
//
// A host image is one flat, position-independent piece of machine code with no imports. Everything it needs from
// outside arrives through `HostCall`: addresses of buffers, values of symbols, and a table of functions. The compiler
// writes calls against these layouts (compiler/targets/HostProgram.cpp); changing any of them raises `HostAbiVersion`.
//
// An image holds, for each entry point of the model, three functions whose offsets stand in the manifest:
//   run          HostEntryFunction     executes one call
//   arena_bytes  HostArenaFunction     activation bytes that a call with these symbol values needs
//   output_dims  HostDimsFunction      the sizes of all outputs, row by row, for these symbol values; one that depends
//   on
//                                      data is given as ~bound, the most it can be, or ~INT64_MAX if nobody knows
#ifndef LATHE_RUNTIME_HOSTABI_H
#define LATHE_RUNTIME_HOSTABI_H

#include "runtime/HostFault.h"

#include <cstddef>
#include <cstdint>

namespace lathe::runtime {

inline constexpr uint32_t HostAbiVersion = 5;

struct HostCall;

/// Addresses leave these bits of HostCall::faults' word to the fault.
inline constexpr int FaultShift = 56;

/// A CPU kernel: executes tiles [begin, end) of a launch of `count` independent tiles. `buffers` are the launch's
/// operands then results, `dims` the sizes that are unknown at compile time, in the order of the launch.
/// Returns HostDone, or a code that stops the call.
using CpuKernel = int32_t (*)(const HostCall *call, void *const *buffers, const int64_t *dims, int64_t begin,
                              int64_t end);

/// Geometry of one CUDA launch; `kernel` indexes the manifest's `kernels`.
struct CudaLaunch {
  uint32_t kernel;
  uint32_t grid[3];
  uint32_t block[3];
  uint32_t sharedBytes; ///< dynamic shared memory
};

/// The mathematical functions that kernels do not compute inline, as the C library has them. MathApi.h makes the table.
struct MathApi {
#define LATHE_MATH_UNARY(name)                                                                                         \
  float (*name##f)(float);                                                                                             \
  double (*name)(double);
#define LATHE_MATH_BINARY(name)                                                                                        \
  float (*name##f)(float, float);                                                                                      \
  double (*name)(double, double);
#include "runtime/MathFunctions.def"
};

enum class CollectiveKind : uint32_t { AllReduce = 1, AllGather = 2, ReduceScatter = 3, Broadcast = 4 };
enum class Reduction : uint32_t { Sum = 0, Max = 1, Min = 2 };

/// What all ranks of a group do together; the same on each of them.
struct HostCollective {
  uint32_t kind;      ///< CollectiveKind
  uint32_t type;      ///< lathe_type of the elements
  uint32_t axis;      ///< of the manifest's `ranks.grid`: those that differ along it alone take part
  uint32_t reduction; ///< Reduction
};

/// Functions the runtime lends to a host image. The image checks nothing: the loader refuses a manifest whose
/// `host_abi` differs, so the table's layout is known.
struct HostApi {
  uint32_t version; ///< HostAbiVersion
  uint32_t bytes;   ///< sizeof(HostApi)

  /// Runs `kernel` over [0, count), on as many threads as the device has. Returns the first non-zero result.
  int32_t (*parallelFor)(const HostCall *call, CpuKernel kernel, void *const *buffers, const int64_t *dims,
                         int64_t count);
  /// Enqueues a kernel on the call's stream. `arguments[i]` points at the i-th parameter (a device pointer or int64).
  int32_t (*launch)(const HostCall *call, const CudaLaunch *launch, void *const *arguments);
  /// Copies bytes between two buffers of the device, in stream order.
  int32_t (*copy)(const HostCall *call, void *target, const void *source, int64_t bytes);

  /// Memory for a value whose size depends on data: at least `bytes`, aligned to 256, of which the first `keep` hold
  /// what the slot held. It is the slot's until the next call for it, now or in a later call of an entry, so that sizes
  /// which repeat allocate nothing. Null when there is none; the call then ends with HostOutOfMemory.
  void *(*allocate)(const HostCall *call, int64_t slot, int64_t bytes, int64_t keep);
  /// Where to write output `index`, whose sizes depend on data and are `dims` in this call. Null when the caller's
  /// memory is too small; the call then ends with HostOutputTooSmall.
  void *(*bindOutput)(const HostCall *call, int64_t index, const int64_t *dims);
  /// `bytes` bytes at `source`, where the host can read them until the next call of a function of this table: all work
  /// before it is done. Null when the device does not give them; the call then ends with HostNotRead.
  const void *(*read)(const HostCall *call, const void *source, int64_t bytes);
  /// Writes an integer to a buffer of the device, in stream order.
  int32_t (*write)(const HostCall *call, void *target, int64_t value);
  /// Keeps why the call is about to end with `fault`: `node` names the part of the model, a string of the image; for
  /// HostSizeOutOfRange `found` is not from `min` to `max`.
  void (*explain)(const HostCall *call, int32_t fault, const char *node, int64_t found, int64_t min, int64_t max);

  const MathApi *math;

  /// Runs a collective on buffers of the device, in stream order; runtime/parallel/Collective.h says what `count`
  /// counts and what goes where. Non-zero ends the call: the other ranks do not come, or there are none.
  int32_t (*collective)(const HostCall *call, const HostCollective *collective, void *target, const void *source,
                        int64_t count);
};

/// One call of one entry point. All addresses are of the session's device; `symbols` is always host memory.
struct HostCall {
  const HostApi *api;
  void *context;                ///< the runtime's own; handed back through `api`
  const int64_t *symbols;       ///< values, in the manifest's order of `symbols`
  void *const *inputs;          ///< in the manifest's order
  void *const *outputs;         ///< in the manifest's order; null where `bindOutput` gives the address
  void *const *states;          ///< base address of each state's pool
  const unsigned char *weights; ///< base address of the weights section
  unsigned char *arena;         ///< at least arena_bytes(symbols), aligned to 256
  int64_t target;               ///< of CUDA: which of the manifest's `cuda_targets` the kernels are of; else 0
  /// Of CUDA: a word that kernels which find a fault in the data write to, if it is 0: HostFault << FaultShift, and the
  /// address of the name of their node, a string of the image. Else null.
  uint64_t *faults;
};

using HostEntryFunction = int32_t (*)(const HostCall *);
using HostArenaFunction = int64_t (*)(const int64_t *symbols);
using HostDimsFunction = void (*)(const int64_t *symbols, int64_t *dims);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_HOSTABI_H
