// The instructions of Hopper that templates use, one function each: the counterpart of instructions.cuh for files whose
// names end in _sm90. Declared alone for compilers that are not CUDA compilers, as there.
//
// A barrier is 8 bytes of shared memory. It counts arrivals and bytes: a phase ends when as many threads have arrived
// as initBarrier said and all bytes that arriveExpecting announced have come. Phases are 0, 1, 2 ...; waitBarrier(b, p)
// returns once a phase of parity p has ended and the next has not: on a new barrier parity 1 returns at once.
#ifndef LATHE_KERNELS_INSTRUCTIONS_SM90_CUH
#define LATHE_KERNELS_INSTRUCTIONS_SM90_CUH

#include "instructions.cuh"

namespace lathe::kernels {

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)

__device__ inline uint32_t sharedAddress(const void *shared) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(shared));
}

__device__ inline void initBarrier(uint64_t *barrier, uint32_t arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(sharedAddress(barrier)), "r"(arrivals) : "memory");
}

/// Ends the life of a barrier, so that its memory may be anything else, another barrier included.
__device__ inline void endBarrier(uint64_t *barrier) {
  asm volatile("mbarrier.inval.shared::cta.b64 [%0];" ::"r"(sharedAddress(barrier)) : "memory");
}

/// Shows the barriers that this thread has initialized to bulk copies; other threads need a __syncthreads() besides.
__device__ inline void publishBarriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

__device__ inline void arrive(uint64_t *barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(sharedAddress(barrier)) : "memory");
}

/// Arrives, and lets the phase wait for `bytes` bytes more.
__device__ inline void arriveExpecting(uint64_t *barrier, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(sharedAddress(barrier)), "r"(bytes)
               : "memory");
}

__device__ inline void waitBarrier(uint64_t *barrier, uint32_t parity) {
  asm volatile("{\n"
               ".reg .pred done;\n"
               "again:\n"
               "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
               "@!done bra again;\n"
               "}" ::"r"(sharedAddress(barrier)),
               "r"(parity)
               : "memory");
}

/// Whether the phase of this parity is over: waitBarrier() would return at once.
__device__ inline bool testBarrier(uint64_t *barrier, uint32_t parity) {
  uint32_t over;
  asm volatile("{\n"
               ".reg .pred over;\n"
               "mbarrier.test_wait.parity.shared::cta.b64 over, [%1], %2;\n"
               "selp.u32 %0, 1, 0, over;\n"
               "}"
               : "=r"(over)
               : "r"(sharedAddress(barrier)), "r"(parity)
               : "memory");
  return over != 0;
}

/// Starts a copy of `bytes` bytes to shared memory, which `barrier` counts. Addresses and bytes are multiples of 16.
__device__ inline void copyBulk(void *shared, const void *global, uint32_t bytes, uint64_t *barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                   sharedAddress(shared)),
               "l"(global), "r"(bytes), "r"(sharedAddress(barrier))
               : "memory");
}

/// copyBulk() of what nobody else reads: it is the first to leave the L2. For pages of attention 2 % faster than what
/// stays there until it is the oldest; for the weights of few rows and of one tile of rows, 1 %.
__device__ inline void copyBulkOnce(void *shared, const void *global, uint32_t bytes, uint64_t *barrier) {
  asm volatile("{\n"
               ".reg .b64 policy;\n"
               "createpolicy.fractional.L2::evict_first.b64 policy, 1.0;\n"
               "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], %2, [%3], "
               "policy;\n"
               "}" ::"r"(sharedAddress(shared)),
               "l"(global), "r"(bytes), "r"(sharedAddress(barrier))
               : "memory");
}

/// clusterBarrier() in two halves, by all threads of the cluster: what stands between them need not be waited for.
__device__ inline void arriveAtCluster() { asm volatile("barrier.cluster.arrive.aligned;" ::: "memory"); }
__device__ inline void waitForCluster(int) { asm volatile("barrier.cluster.wait.aligned;" ::: "memory"); }

/// Stores x in the shared memory of block `rank` of the cluster, where `place` is in this one's, and counts its bytes
/// at that block's `barrier`. Does not wait.
template <int N> __device__ inline void sendToPeer(float *place, int rank, const float (&x)[N], uint64_t *barrier) {
  static_assert(N == 1 || N == 2 || N == 4);
  uint32_t target, counter;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(target) : "r"(sharedAddress(place)), "r"(rank));
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(counter) : "r"(sharedAddress(barrier)), "r"(rank));
  if constexpr (N == 4)
    asm volatile(
        "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [%0], {%1, %2, %3, %4}, [%5];" ::"r"(target),
        "f"(x[0]), "f"(x[1]), "f"(x[2]), "f"(x[3]), "r"(counter)
        : "memory");
  else if constexpr (N == 2)
    asm volatile(
        "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v2.f32 [%0], {%1, %2}, [%3];" ::"r"(target),
        "f"(x[0]), "f"(x[1]), "r"(counter)
        : "memory");
  else
    asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.f32 [%0], %1, [%2];" ::"r"(target),
                 "f"(x[0]), "r"(counter)
                 : "memory");
}

/// waitBarrier() for what other blocks of the cluster have sent.
__device__ inline void waitForPeers(uint64_t *barrier, uint32_t parity) {
  asm volatile("{\n"
               ".reg .pred done;\n"
               "again:\n"
               "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n"
               "@!done bra again;\n"
               "}" ::"r"(sharedAddress(barrier)),
               "r"(parity)
               : "memory");
}

/// arrive() at the barrier of block `rank` of the cluster.
__device__ inline void arriveAtPeer(uint64_t *barrier, int rank) {
  uint32_t target;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(target) : "r"(sharedAddress(barrier)), "r"(rank));
  asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(target) : "memory");
}

/// Arrives once all copies that this thread has started with copyAsync16 are done.
__device__ inline void arriveAfterCopies(uint64_t *barrier) {
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(sharedAddress(barrier)) : "memory");
}

/// __syncthreads() among `Threads` threads of the block, whole warps. Id is 1 to 15.
template <int Id, int Threads> __device__ inline void syncSome() {
  asm volatile("bar.sync %0, %1;" ::"n"(Id), "n"(Threads) : "memory");
}

/// Pairs of integers of 16 bits: a + b, but at most `most` and at least 0.
__device__ inline uint32_t addClamped(uint32_t a, uint32_t b, uint32_t most) {
  uint32_t sum;
  asm("{.reg .b32 sum; add.s16x2 sum, %1, %2; min.relu.s16x2 %0, sum, %3;}" : "=r"(sum) : "r"(a), "r"(b), "r"(most));
  return sum;
}

#else

void initBarrier(uint64_t *barrier, uint32_t arrivals);
void endBarrier(uint64_t *barrier);
void publishBarriers();
void arrive(uint64_t *barrier);
void arriveExpecting(uint64_t *barrier, uint32_t bytes);
void waitBarrier(uint64_t *barrier, uint32_t parity);
bool testBarrier(uint64_t *barrier, uint32_t parity);
void copyBulk(void *shared, const void *global, uint32_t bytes, uint64_t *barrier);
void copyBulkOnce(void *shared, const void *global, uint32_t bytes, uint64_t *barrier);
template <int N> void sendToPeer(float *place, int rank, const float (&x)[N], uint64_t *barrier);
void waitForPeers(uint64_t *barrier, uint32_t parity);
void arriveAtPeer(uint64_t *barrier, int rank);
void arriveAtCluster();
void waitForCluster(int blocks);
void arriveAfterCopies(uint64_t *barrier);
uint32_t addClamped(uint32_t a, uint32_t b, uint32_t most);
template <int Id, int Threads> void syncSome();

#endif

/// Ends the lives of whole arrays of barriers once all threads of the block, which all call it, are here.
template <int... Counts> __device__ inline void endBarriers(uint64_t (&...barriers)[Counts]) {
  __syncthreads();
  if (threadIdx.x != 0)
    return;
  auto endAll = [](auto &array) {
    for (uint64_t &barrier : array)
      endBarrier(&barrier);
  };
  (endAll(barriers), ...);
}

/// arrive() once `result` is known. For who gives memory back that he has read into registers: the barrier alone is not
/// enough. Where loads of another kernel's block hold up those of this one, arriving overtakes them, and they see what
/// is copied to their place next. `result` depends on all that the warp has loaded.
__device__ inline void arriveAfter(uint64_t *barrier, float result) {
  constexpr uint32_t NoResult = 0x7fedcba9u; // a NaN that no instruction gives
  if (__builtin_bit_cast(uint32_t, result) != NoResult)
    arrive(barrier);
}

/// Where a ring stands, for its producer and for its consumers: a stage and how often it has been gone round.
template <int Stages> struct RingPosition {
  int Stage = 0;
  uint32_t Round = 0;
  __device__ void advance() {
    if (++Stage == Stages) {
      Stage = 0;
      Round ^= 1;
    }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_INSTRUCTIONS_SM90_CUH
