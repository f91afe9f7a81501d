#ifndef LATHE_RUNTIME_CUDA_CUDAEXECUTOR_H
#define LATHE_RUNTIME_CUDA_CUDAEXECUTOR_H

#include "runtime/HostAbi.h"
#include "runtime/cuda/DataMemory.h"
#include "runtime/cuda/NcclRanks.h"
#include "runtime/cuda/PlacedProgram.h"
#include "runtime/cuda/RecordedCalls.h"

#include <span>

namespace lathe::runtime::cuda {

/// The largest logits of a step's rows and their tokens, in pinned memory.
struct CandidateCopies {
  std::span<const float> logits;
  std::span<const int64_t> tokens;
};

/// What one session has on the GPU besides the program. Calls are ordered on the session's stream or the caller's; a
/// change of stream waits for the work before it through an event. Steps of one token a sequence are replayed from
/// graphs that are captured at creation, one for each power of two of sequences, calls of tensor entries from graphs
/// that are recorded when a call comes again.
class CudaExecutor : public Executor {
public:
  /// `group` may be null.
  CudaExecutor(std::shared_ptr<CudaDevice> device, std::shared_ptr<const Program> program, const StateLimits &limits,
               std::shared_ptr<Group> group);
  ~CudaExecutor() override;

  void run(TensorCall &call) override;
  StepShape pad(const Entry &entry, const StepShape &needed) const override;
  void step(const StepCall &call) override;
  void copyPage(size_t group, int32_t target, int32_t source, void *stream) override;
  lathe_memory_info memory() const override;

private:
  /// Decode steps of up to `shape.sequences` sequences.
  struct Bucket {
    const Entry *entry;
    StepShape shape;
    GraphExec exec = nullptr;
  };

  void create();
  void release();
  void measureBuckets();
  void capture(Bucket &bucket);
  const Bucket *bucketOf(const Entry &entry, const StepShape &shape) const;

  /// Waits for a stream. Where a program runs on several ranks all of them do so in each call, so that it is seen when
  /// one does not come.
  void wait(Stream stream);
  /// The stream of a call; work on it comes behind all before it.
  Stream begin(void *callersStream);
  /// Growing memory for calls that are not captured.
  DeviceAddress workspace(size_t bytes, Stream stream);
  void upload(const StepCall &call, Stream stream);
  /// `tensors` are those of a tensor entry.
  void execute(const Entry &entry, const int64_t *symbols, DeviceAddress arena, Stream stream, TensorCall *tensors);
  void executeAgain(TensorCall &call, DeviceAddress arena, Stream stream);
  void enqueue(const Entry &entry, const int64_t *symbols, DeviceAddress arena, Stream stream, TensorCall *tensors,
               LaunchTimer *timer);
  void placeTensors(TensorCall &call, DeviceAddress base, Stream stream);
  bool copyOutputs(const TensorCall &call, Stream stream);
  void checkEarlierCall();
  /// Finds the largest logits of a step's rows; the copies are there when the stream is done.
  CandidateCopies findLargest(const StepCall &call, DeviceAddress logits, Stream stream);
  /// Pinned host memory for the tokens that a step chooses, or for its candidates.
  int64_t *chosen() const { return reinterpret_cast<int64_t *>(static_cast<char *>(staging) + metadataBytes); }
  void bindStep(const Entry &entry, const StepShape &shape, DeviceAddress logits);
  void deliver(const StepCall &call, DeviceAddress logits, Stream stream);

  std::shared_ptr<CudaDevice> device;
  const Driver &driver;
  std::shared_ptr<const Program> program;
  StateLimits limits;
  std::shared_ptr<Group> group;
  std::shared_ptr<const PlacedProgram> placed;
  std::shared_ptr<NcclRanks> ranks; ///< null where one device runs the program

  std::vector<Bucket> buckets;
  size_t bucketResultBytes = 0, bucketArenaBytes = 0;
  SessionBytes needs;        ///< `step`: results and arena of the largest one that is not captured, or a tensor call
  size_t metadataBytes = 0;  ///< of the largest step
  size_t chosenBytes = 0;    ///< of its sampled tokens, or its candidates
  size_t candidateBytes = 0; ///< of its candidates on the device, and what finding them takes

  std::vector<DeviceMemory> pools;
  DeviceMemory metadata;     ///< the step's arrays, at offsets that depend on its shape alone
  DeviceMemory bucketMemory; ///< results, then arena, of all graphs: they never run at the same time; then candidates
  void *staging = nullptr;   ///< pinned host memory: where arrays are gathered, behind them what was chosen
  DeviceAddress growing = 0;
  size_t growingBytes = 0;
  uint64_t growths = 0;
  CallMemory memories;
  RecordedCalls recorded;   ///< of tensor entries
  bool dataDecided = false; ///< whether data decided sizes or control flow of the last call

  Stream own = nullptr, last = nullptr;
  Event done = nullptr;                        ///< behind the last work on a caller's stream
  Event staged = nullptr;                      ///< behind the last copy out of `staging`
  std::vector<void *> inputs, outputs, states; ///< of the call in progress
};

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_CUDAEXECUTOR_H
