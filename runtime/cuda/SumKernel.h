// The contract between the runtime and the kernels of a program by which ranks on GPUs add up small tensors in each
// other's memory (compiler/targets/cuda/kernels/all_reduce.cuh says how). A program for several ranks has one for each
// type of which it sums tensors, besides those that its launches name; the compiler asserts these numbers.
#ifndef LATHE_RUNTIME_CUDA_SUMKERNEL_H
#define LATHE_RUNTIME_CUDA_SUMKERNEL_H

#include <cstdint>

namespace lathe::runtime {

/// Parameters: source, target; the mailbox of each rank, in the order of ranks; that of this rank; calls; the word that
/// stops; then as int64 packets of the tensor, packets of a mailbox's row, this rank. One tile a block.
struct SumKernel {
  static constexpr int Threads = 128;     ///< and packets of a tile
  static constexpr int PacketBytes = 8;   ///< of a tensor
  static constexpr int MailboxBytes = 16; ///< that a packet takes there
  static constexpr int MailboxCopies = 2; ///< for calls of even and of odd number
  static constexpr int CallsBytes = 4;    ///< of a tile
  static constexpr int MostRanks = 8;
  static constexpr int Resident = 8;                    ///< tiles that a multiprocessor runs at one time, at least
  static constexpr char Prefix[] = "lathe_all_reduce_"; ///< of the name, before f32, f16 or bf16
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_CUDA_SUMKERNEL_H
