#include "runtime/cuda/NcclRanks.h"

#include "runtime/Failure.h"

#include <future>
#include <thread>

namespace lathe::runtime::cuda {

/// ncclDataType_t of a lathe_type.
static int typeNumber(lathe_type type) {
  switch (type) {
  case LATHE_I8:
    return 0;
  case LATHE_U8:
  case LATHE_BOOL:
    return 1;
  case LATHE_I32:
    return 2;
  case LATHE_U32:
    return 3;
  case LATHE_I64:
    return 4;
  case LATHE_U64:
    return 5;
  case LATHE_F16:
    return 6;
  case LATHE_F32:
    return 7;
  case LATHE_F64:
    return 8;
  case LATHE_BF16:
    return 9;
  default:
    throw Failure(LATHE_UNSUPPORTED, "NCCL has no elements of type ", int(type), " of lathe_type");
  }
}

/// ncclRedOp_t.
static int reductionNumber(Reduction reduction) {
  return reduction == Reduction::Sum ? 0 : reduction == Reduction::Max ? 2 : 3;
}

NcclRanks::NcclRanks(const CudaDevice &gpu, std::shared_ptr<Group> ranks) : device(gpu), group(std::move(ranks)) {
  NcclId id{};
  if (group->rank == 0)
    nccl.check(nccl.getUniqueId(&id), "ncclGetUniqueId");
  group->broadcast(&id, sizeof(id), /*limited=*/true);
  meet(id);
  boxes = Mailboxes::open(device, *group);
  action = group->watch().onBreak([this] { abort(); });
  try {
    warmUp();
  } catch (...) {
    release(/*orderly=*/false);
    throw;
  }
}

NcclRanks::~NcclRanks() { release(/*orderly=*/true); }

/// Ends kernels that wait for a rank. NCCL then waits until no graph has its collectives any more, so whoever waits for
/// those kernels must be able to go on: it does on a thread of its own.
void NcclRanks::abort() {
  if (boxes)
    boxes->stop();
  std::packaged_task<int()> task([comm = comm, abort = nccl.commAbort] { return abort(comm); });
  abortion = task.get_future().share();
  std::thread(std::move(task)).detach();
}

/// Not `orderly`: this rank cannot go on, and what the others still open stays as it is until the process ends.
void NcclRanks::release(bool orderly) {
  constexpr std::chrono::seconds Limit(5);
  group->watch().forget(action);
  if (boxes && orderly)
    boxes->close(*group);
  if (!orderly && !abortion.valid())
    abort();
  if (abortion.valid())
    (void)abortion.wait_for(Limit);
  else
    (void)nccl.commDestroy(comm);
}

/// NCCL waits for all ranks as long as it takes: on a thread of its own, so that this one can give up.
void NcclRanks::meet(const NcclId &id) {
  struct Meeting {
    NcclComm comm = nullptr;
    std::promise<int> result;
  };
  auto meeting = std::make_shared<Meeting>();
  std::future<int> result = meeting->result.get_future();
  Watch::Wait waiting(group->watch(), "ncclCommInitRank", /*limited=*/true);
  std::thread([meeting, id, driver = device.driver, context = device.context, init = nccl.commInitRank,
               rank = group->rank, size = group->size] {
    Context popped;
    if (int failed = driver.contextPush.function(context)) {
      meeting->result.set_value(failed);
      return;
    }
    int code = init(&meeting->comm, size, id, rank);
    (void)driver.contextPop.function(&popped);
    meeting->result.set_value(code);
  }).detach();
  while (result.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready)
    group->watch().check();
  nccl.check(result.get(), "ncclCommInitRank");
  comm = meeting->comm;
}

/// NCCL connects ranks in their first collective: that waits on the host, which no capture should see.
void NcclRanks::warmUp() {
  constexpr int64_t Count = 32768;
  DeviceMemory memory(device.driver, size_t(Count * (group->size + 1)) * sizeof(float));
  Stream stream = nullptr;
  device.driver(device.driver.streamCreate, &stream, StreamNonBlocking);
  auto *target = memory.data() + Count * sizeof(float), *source = memory.data();
  try {
    device.driver(device.driver.memset, memory.at(0), static_cast<unsigned char>(0), Count * sizeof(float), stream);
    for (CollectiveKind kind : {CollectiveKind::AllReduce, CollectiveKind::AllGather, CollectiveKind::Broadcast})
      for (int64_t count : {int64_t(8), Count})
        enqueue({kind, LATHE_F32, Reduction::Sum, target, source, count}, stream);
    wait(stream, "the first collective");
  } catch (...) {
    (void)device.driver.streamDestroy.function(stream);
    throw;
  }
  (void)device.driver.streamDestroy.function(stream);
}

void NcclRanks::enqueue(const Collective &call, Stream stream) {
  group->watch().check();
  if (call.count == 0)
    return;
  auto count = size_t(call.count);
  int type = typeNumber(call.type), reduction = reductionNumber(call.reduction);
  switch (call.kind) {
  case CollectiveKind::AllReduce:
    return nccl.check(nccl.allReduce(call.source, call.target, count, type, reduction, comm, stream), "ncclAllReduce");
  case CollectiveKind::AllGather:
    return nccl.check(nccl.allGather(call.source, call.target, count, type, comm, stream), "ncclAllGather");
  case CollectiveKind::ReduceScatter:
    return nccl.check(nccl.reduceScatter(call.source, call.target, count, type, reduction, comm, stream),
                      "ncclReduceScatter");
  case CollectiveKind::Broadcast:
    return nccl.check(nccl.broadcast(call.source, call.target, count, type, 0, comm, stream), "ncclBroadcast");
  }
}

void NcclRanks::wait(Stream stream, const char *what) {
  {
    Watch::Wait waiting(group->watch(), what, /*limited=*/true);
    Result result = device.driver.streamSynchronize.function(stream);
    group->watch().check(); // says more than what an aborted stream does
    if (result)
      device.driver.fail(result, device.driver.streamSynchronize.name, what);
  }
  int error = 0;
  nccl.check(nccl.commGetAsyncError(comm, &error), "ncclCommGetAsyncError");
  nccl.check(error, what);
}

} // namespace lathe::runtime::cuda
