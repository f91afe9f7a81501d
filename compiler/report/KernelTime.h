// How long a launch on a GPU takes, from what its template makes of it. The choice among templates and tiles and the
// report use the same formulas.
#ifndef LATHE_COMPILER_REPORT_KERNELTIME_H
#define LATHE_COMPILER_REPORT_KERNELTIME_H

#include "compiler/report/Machine.h"

namespace lathe::report {

/// What multiplies: single threads, tensor cores by warps, tensor cores by warpgroups.
enum class Multiplier { Threads, Warps, Warpgroups };

/// A launch as its template computes it. `Cluster` blocks share an item, such as a tile of a product, and go through
/// `Steps` steps for it, each a part of the item's data. Blocks that are fewer than the items take several in turn.
struct KernelWork {
  double Items = 1;
  double Blocks = 1; ///< that are started
  int64_t Cluster = 1;
  int64_t Resident = 1; ///< blocks for which a multiprocessor has room
  double Steps = 0;
  double StepBytes = 0;      ///< that nobody else fetches in a step: they come from memory
  double StepOtherBytes = 0; ///< that other blocks fetch too: they come from the cache
  double StepFlops = 0;
  Multiplier Unit = Multiplier::Threads;
  /// Steps whose data are on their way at a time, so that each waits that much shorter for memory, or for the cache
  /// where nothing of it comes from memory; 0 where that is not known, or where it is enough. With 1 a block works on
  /// what has come before it asks for more.
  int64_t InFlight = 0;
  /// Items whose steps have data of their own: of StepBytes the others find theirs in the cache; 0: all of them.
  double Columns = 0;
  /// Accesses to memory, each of which waits for the one before: before the first item, and for each item beside its
  /// steps. A kernel's code and parameters have left the cache when weights have gone through it, so that its first
  /// instructions wait too.
  double StartAccesses = 2, ItemAccesses = 0;
  /// Instructions of a thread for each item beside its steps, such as those on the way out of a tile, and how many of a
  /// block's threads take them; likewise for each step, of the threads that bring its data.
  double ItemInstructions = 0, StepInstructions = 0;
  int64_t ItemThreads = 0, StepThreads = 0;
  double MeetingBytes = 0; ///< that blocks of a cluster exchange at each meeting
  /// A table of so many bytes, of which an item reads so many rows that lie anywhere: the chip has forgotten where its
  /// pages are, and finds a few of them at a time.
  double TableBytes = 0, TableRows = 0;
  /// Blocks that share an item along its steps where there are so few items that each block has one even so; then
  /// `Cluster` is 1 where there are more.
  int64_t MostSharing = 1;
};

/// The numbers of `work` but for items, blocks and steps, which are formulas in a manifest. What is as in a KernelWork
/// that says nothing is left out.
nlohmann::ordered_json describe(const KernelWork &work);
/// What `describe` has written, in an object that may hold more.
KernelWork readWork(const nlohmann::ordered_json &json);

/// Floating-point operations that a machine reaches, where there is enough to do, of 16-bit products by `unit`, or of
/// f32 by single threads.
double getRate(const Machine &machine, Multiplier unit);

/// Clusters of so many blocks that run at a time, one a multiprocessor. None stretches over two of a chip's groups of
/// multiprocessors, which are of several sizes: an H200 has room for 66 clusters of 2 and for 30 of 4.
int64_t countClusters(const Machine &machine, int64_t cluster);

/// Seconds of an access to memory that something waits for, while so many blocks run: the more there are, the longer.
double getAccess(const Machine &machine, double blocks);

/// Seconds from the start of the launch to its end.
double predictSeconds(const Machine &machine, const KernelWork &work);

} // namespace lathe::report

#endif // LATHE_COMPILER_REPORT_KERNELTIME_H
