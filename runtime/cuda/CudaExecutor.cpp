#include "runtime/cuda/CudaExecutor.h"

#include "runtime/Failure.h"
#include "runtime/cuda/CudaApi.h"
#include "runtime/cuda/LaunchTimer.h"
#include "runtime/session/StepBuilder.h"
#include "runtime/session/StepSampling.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace lathe::runtime::cuda {

static constexpr size_t Alignment = 256; // of every buffer, as HostCall::arena asks

static constexpr size_t MostBytes = size_t(1) << 40;    // more than any GPU has
static constexpr size_t MostSetAside = size_t(1) << 30; // for calls of tensor entries whose sizes may be smaller

static size_t aligned(size_t bytes) { return (bytes + Alignment - 1) / Alignment * Alignment; }

/// Offset of each of the entry's arrays in the metadata, and behind them the size of all.
static std::vector<size_t> metadataOffsets(const Entry &entry, const StepShape &shape) {
  std::vector<size_t> offsets = {0};
  for (const Value &value : entry.inputs) {
    int64_t count = value.role == "row_offsets" || value.role == "lengths" ? shape.sequences + 1
                    : value.role.ends_with("block_tables")                 ? shape.sequences * shape.pages
                    : value.role == "rows"                                 ? shape.rows
                                                                           : shape.tokens;
    offsets.push_back(offsets.back() + aligned(size_t(count) * sizeof(int32_t)));
  }
  return offsets;
}

static size_t rowBytes(const Entry &entry) { return size_t(entry.output("logits")->sizes[1]) * sizeof(float); }

/// Bytes that the results of so many rows take: the logits. Sampled tokens take nothing: kernels write them to the
/// host's memory.
static size_t resultBytes(const Entry &entry, int64_t rows) { return aligned(size_t(rows) * rowBytes(entry)); }

/// The symbols of a step of this shape.
static std::vector<int64_t> symbolsOf(const Entry &entry, const StepShape &shape) {
  ModelSymbols model(entry);
  std::vector<int64_t> symbols(entry.symbols.size(), 0);
  symbols[size_t(model.tokens)] = shape.tokens;
  symbols[size_t(model.sequences)] = shape.sequences;
  symbols[size_t(model.offsets)] = shape.sequences + 1;
  symbols[size_t(model.pages)] = shape.pages;
  symbols[size_t(model.rows)] = shape.rows;
  return symbols;
}

static size_t arenaBytes(const Program &program, const Entry &entry, const int64_t *symbols) {
  int64_t bytes = program.image().code(entry).arenaBytes(symbols);
  if (bytes < 0)
    throw Failure(LATHE_DEVICE_ERROR, "entry '", entry.name, "' asks for ", bytes, " bytes of working memory");
  return size_t(bytes);
}

/// Offset of each output of `candidates` for so many rows, and behind them its arena and the size of all.
static std::vector<size_t> candidateOffsets(const Program &program, const Entry *candidates, int64_t rows) {
  std::vector<size_t> offsets = {0};
  if (!candidates)
    return offsets;
  size_t count = size_t(rows * countCandidates(candidates));
  offsets.push_back(aligned(count * sizeof(float)));
  offsets.push_back(offsets.back() + aligned(count * sizeof(int64_t)));
  offsets.push_back(offsets.back() + aligned(arenaBytes(program, *candidates, &rows)));
  return offsets;
}

/// Bytes of a tensor, or nothing where that does not fit 64 bits.
static std::optional<size_t> tensorBytes(lathe_type type, const std::vector<int64_t> &dims) {
  size_t bytes = typeBytes(type);
  for (int64_t dim : dims)
    if (dim < 0 || __builtin_mul_overflow(bytes, size_t(dim), &bytes) || bytes > MostBytes)
      return std::nullopt;
  return aligned(bytes);
}

/// Working memory of the largest call of a tensor entry, with all of its tensors in host memory, if it is to be there
/// before the first call: where all sizes are known, or where it is not much.
static size_t bytesSetAside(const Program &program, const Entry &entry) {
  std::vector<int64_t> symbols;
  int64_t elements = 1;
  for (const Symbol &symbol : entry.symbols) {
    symbols.push_back(symbol.max);
    if (symbol.max > 0 && __builtin_mul_overflow(elements, symbol.max, &elements))
      return 0;
  }
  int64_t arena = program.image().code(entry).arenaBytes(symbols.data());
  // So much that the generated code may not be able to compute it.
  if (elements > int64_t(MostBytes) || arena < 0 || arena > int64_t(MostBytes))
    return 0;
  size_t bytes = aligned(size_t(arena)), dimCount = 0;
  for (const Value &value : entry.inputs) {
    std::vector<int64_t> dims = value.sizes;
    for (size_t i = 0; i != dims.size(); ++i)
      dims[i] = value.symbols[i] < 0 ? dims[i] : symbols[size_t(value.symbols[i])];
    std::optional<size_t> own = tensorBytes(value.type, dims);
    if (!own)
      return 0;
    bytes += *own;
  }
  for (const Value &value : entry.outputs)
    dimCount += value.sizes.size();
  std::vector<int64_t> all(dimCount);
  program.image().code(entry).outputDims(symbols.data(), all.data());
  auto next = all.begin();
  for (const Value &value : entry.outputs) {
    std::optional<size_t> own = tensorBytes(value.type, {next, next + std::ptrdiff_t(value.sizes.size())});
    if (!own)
      return 0;
    bytes += *own;
    next += std::ptrdiff_t(value.sizes.size());
  }
  return entry.symbols.empty() || bytes <= MostSetAside ? bytes : 0;
}

/// The largest step that there can be: it has no more tokens than all texts together, and no row without its token.
static StepShape limitStep(const Entry &entry, StepShape shape) {
  ModelSymbols model(entry);
  auto least = [&](int symbol) { return entry.symbols[size_t(symbol)].min; };
  shape.tokens = std::max(least(model.tokens), std::min(shape.tokens, shape.sequences * shape.pages * PageTokens));
  shape.rows = std::max(least(model.rows), std::min(shape.rows, shape.tokens));
  return shape;
}

/// Results and arena of a step.
static size_t bytesOfStep(const Program &program, const Entry &entry, const StepShape &shape) {
  return resultBytes(entry, shape.rows) + arenaBytes(program, entry, symbolsOf(entry, shape).data());
}

// ---- Creation ----

CudaExecutor::CudaExecutor(std::shared_ptr<CudaDevice> target, std::shared_ptr<const Program> loaded,
                           const StateLimits &room, std::shared_ptr<Group> together)
    : device(std::move(target)), driver(device->driver), program(std::move(loaded)), limits(room),
      group(std::move(together)), memories(driver), recorded(driver) {
  ContextScope scope(*device);
  try {
    create();
  } catch (...) {
    release();
    throw;
  }
}

CudaExecutor::~CudaExecutor() {
  ContextScope scope(*device, std::nothrow);
  release();
}

void CudaExecutor::measureBuckets() {
  const std::vector<Entry> &entries = program->manifest.entries;
  // Other entries of a language model are parts of its steps.
  bool steps = std::any_of(entries.begin(), entries.end(),
                           [](const Entry &entry) { return entry.kind == LATHE_ENTRY_LANGUAGE_MODEL; });
  for (const Entry &entry : entries) {
    if (entry.kind != LATHE_ENTRY_LANGUAGE_MODEL) {
      needs.step = std::max(needs.step, steps ? 0 : bytesSetAside(*program, entry));
      continue;
    }
    ModelSymbols model(entry);
    auto bound = [&](int symbol) { return entry.symbols[size_t(symbol)].max; };
    auto least = [&](int symbol) { return entry.symbols[size_t(symbol)].min; };
    // A sequence has no more pages than there are.
    int64_t pages = std::max(least(model.pages), std::min(bound(model.pages), limits.textPages));
    int64_t sequences = std::min({bound(model.sequences), bound(model.offsets) - 1, limits.maxSequences});
    StepShape largest = {bound(model.tokens), std::max(sequences, least(model.sequences)), pages, bound(model.rows)};
    metadataBytes = std::max(metadataBytes, metadataOffsets(entry, largest).back());
    StepShape step = limitStep(entry, largest);
    if (size_t bytes = bytesOfStep(*program, entry, step); bytes > needs.step) {
      needs.step = bytes;
      needs.stepTokens = step.tokens;
    }
    const Entry *candidates = findCandidates(program->manifest, entry);
    candidateBytes = std::max(candidateBytes, candidateOffsets(*program, candidates, largest.rows).back());
    size_t bytesOfRow = size_t(countCandidates(candidates)) * (sizeof(float) + sizeof(int64_t));
    if (entry.output("sampled_tokens"))
      bytesOfRow = std::max(bytesOfRow, sizeof(int64_t));
    chosenBytes = std::max(chosenBytes, size_t(std::max(largest.rows, largest.sequences)) * bytesOfRow);
    int64_t most = std::min({bound(model.tokens), bound(model.sequences), bound(model.offsets) - 1, bound(model.rows)});
    int64_t fewest =
        std::max({least(model.tokens), least(model.sequences), least(model.offsets) - 1, least(model.rows)});
    for (int64_t count = 1, covered = 0; count <= most && covered < limits.maxSequences; count *= 2) {
      if (count < fewest)
        continue;
      covered = count;
      Bucket &bucket = buckets.emplace_back(Bucket{&entry, {count, count, pages, count}});
      std::vector<int64_t> symbols = symbolsOf(entry, bucket.shape);
      bucketResultBytes = std::max(bucketResultBytes, resultBytes(entry, count));
      bucketArenaBytes = std::max(bucketArenaBytes, arenaBytes(*program, entry, symbols.data()));
      metadataBytes = std::max(metadataBytes, metadataOffsets(entry, bucket.shape).back());
    }
  }
}

void CudaExecutor::create() {
  measureBuckets();
  for (size_t i = 0; i != limits.states.size(); ++i)
    needs.states += size_t(limits.bytesOf(i));
  size_t bucketBytes = bucketResultBytes + bucketArenaBytes + candidateBytes;
  needs.working = metadataBytes + bucketBytes + needs.step;
  placed = device->place(program, needs);
  if (group)
    ranks = device->meet(group); // before its collectives are captured
  driver(driver.streamCreate, &own, StreamNonBlocking);
  last = own;
  driver(driver.eventCreate, &done, EventDisableTiming);
  driver(driver.eventCreate, &staged, EventDisableTiming);
  for (size_t i = 0; i != limits.states.size(); ++i) {
    size_t bytes = size_t(limits.bytesOf(i));
    // Zeros: a kernel may load a page's unwritten tail and multiply it by zero, which must not be a NaN.
    DeviceMemory &pool = pools.emplace_back(driver, bytes);
    driver(driver.memset, pool.at(0), static_cast<unsigned char>(0), bytes, own);
  }
  if (metadataBytes) {
    metadata = DeviceMemory(driver, metadataBytes);
    driver(driver.memAllocHost, &staging, metadataBytes + chosenBytes);
  }
  bucketMemory = DeviceMemory(driver, bucketBytes);
  (void)memories.window.faults(); // now, as no capture allows it
  for (Bucket &bucket : buckets)
    capture(bucket);
  if (needs.step)
    (void)workspace(needs.step, own);
  growths = 0; // what the plan asks for is no growth
}

void CudaExecutor::release() {
  // A caller's last stream may be gone; the event behind its work is ours.
  if (last != own)
    (void)driver.eventSynchronize.function(done);
  if (growing)
    (void)driver.memFreeAsync.function(growing, own);
  memories.values.release(own);
  memories.results.release(own);
  if (own)
    (void)driver.streamSynchronize.function(own);
  memories.window.release();
  for (Bucket &bucket : buckets)
    if (bucket.exec)
      (void)driver.graphExecDestroy.function(bucket.exec);
  recorded.clear();
  if (staging)
    (void)driver.memFreeHost.function(staging);
  if (staged)
    (void)driver.eventDestroy.function(staged);
  if (done)
    (void)driver.eventDestroy.function(done);
  if (own)
    (void)driver.streamDestroy.function(own);
  ranks.reset(); // when no graph has its collectives any more
  pools.clear();
  metadata = DeviceMemory();
  bucketMemory = DeviceMemory();
  placed.reset();
}

void CudaExecutor::capture(Bucket &bucket) {
  std::vector<int64_t> symbols = symbolsOf(*bucket.entry, bucket.shape);
  bindStep(*bucket.entry, bucket.shape, bucketMemory.at(0));
  bucket.exec =
      record(driver, own,
             "entry '" + bucket.entry->name + "' at " + std::to_string(bucket.shape.sequences) + " sequences", [&] {
               enqueue(*bucket.entry, symbols.data(), bucketMemory.at(bucketResultBytes), own, /*tensors=*/nullptr,
                       /*timer=*/nullptr);
             });
}

// ---- Calls ----

Stream CudaExecutor::begin(void *callersStream) {
  Stream stream = callersStream ? static_cast<Stream>(callersStream) : own;
  if (stream == last)
    return stream;
  if (last == own)
    driver(driver.eventRecord, done, own);
  driver(driver.streamWaitEvent, stream, done, 0u);
  last = stream;
  return stream;
}

void CudaExecutor::wait(Stream stream) {
  if (ranks)
    ranks->wait(stream, "a call");
  else
    driver(driver.streamSynchronize, stream);
}

/// Behind the last work of a call: the caller may destroy its stream before the next one.
static void markEnd(const Driver &driver, Stream stream, Stream own, Event done) {
  if (stream != own)
    driver(driver.eventRecord, done, stream);
}

DeviceAddress CudaExecutor::workspace(size_t bytes, Stream stream) {
  if (bytes <= growingBytes)
    return growing;
  // Stream-ordered: freeing does not wait for the device, and work already enqueued keeps its memory.
  if (growing)
    driver(driver.memFreeAsync, growing, stream);
  growing = 0;
  growingBytes = 0;
  if (Result result = driver.memAllocAsync.function(&growing, bytes, stream)) {
    growing = 0;
    driver.fail(result, driver.memAllocAsync.name, std::to_string(bytes) + " bytes of working memory");
  }
  growingBytes = bytes;
  ++growths;
  return growing;
}

void CudaExecutor::execute(const Entry &entry, const int64_t *symbols, DeviceAddress arena, Stream stream,
                           TensorCall *tensors) {
  LaunchTimer *timer = device->timer;
  if (!timer)
    return enqueue(entry, symbols, arena, stream, tensors, nullptr);
  timer->time(entry, symbols, stream, [&] { enqueue(entry, symbols, arena, stream, tensors, timer); });
}

/// As `execute`, for calls that are likely to come again.
void CudaExecutor::executeAgain(TensorCall &call, DeviceAddress arena, Stream stream) {
  GraphExec exec = nullptr;
  if (!device->timer) {
    RecordedCalls::Key key = {call.entry, call.symbols, inputs, arena};
    key.tensors.insert(key.tensors.end(), outputs.begin(), outputs.end());
    exec = recorded.find(std::move(key), own, stream,
                         [&] { enqueue(*call.entry, call.symbols.data(), arena, own, &call, /*timer=*/nullptr); });
  }
  if (exec)
    return driver(driver.graphLaunch, exec, stream);
  try {
    execute(*call.entry, call.symbols.data(), arena, stream, &call);
  } catch (...) {
    if (!device->timer)
      recorded.forgetLast(); // nobody knows what it would have done
    throw;
  }
  if (!device->timer && dataDecided)
    recorded.refuseLast();
}

void CudaExecutor::enqueue(const Entry &entry, const int64_t *symbols, DeviceAddress arena, Stream stream,
                           TensorCall *tensors, LaunchTimer *timer) {
  states.clear();
  for (const State &state : entry.states)
    states.push_back(pools[limits.poolOf(state)].data());
  LaunchContext context{driver, program->manifest.kernels, *placed, program->image(), memories, outputs,
                        stream, placed->dependentLaunch(), tensors, ranks.get(),      timer};
  HostCall call{&cudaApi(),
                &context,
                symbols,
                inputs.data(),
                outputs.data(),
                states.data(),
                placed->weights(),
                reinterpret_cast<unsigned char *>(arena),
                int64_t(placed->target()),
                memories.window.faults()};
  int32_t result = program->image().code(entry).run(&call);
  dataDecided = context.dataDecides;
  if (context.failure)
    std::rethrow_exception(context.failure);
  if (result)
    throw Failure(LATHE_DEVICE_ERROR, "entry '", entry.name, "' stopped with code ", result);
}

static bool onDevice(const lathe_tensor *tensor) { return tensor && tensor->memory == LATHE_MEMORY_DEVICE; }

/// Whether output `i` is in the workspace: not the caller's, and with a size that is known before the call.
static bool isStaged(const TensorCall &call, size_t i) {
  return !onDevice(call.outputs[i]) && call.outputBytes[i] != UnknownBytes;
}

/// Fills `inputs` and `outputs` and brings up inputs from the host. Those that need a place on the device have it one
/// behind the other from `base` on.
void CudaExecutor::placeTensors(TensorCall &call, DeviceAddress base, Stream stream) {
  DeviceAddress next = base;
  inputs.clear();
  for (const lathe_tensor *tensor : call.inputs) {
    inputs.push_back(onDevice(tensor) ? tensor->data : reinterpret_cast<void *>(next));
    if (onDevice(tensor))
      continue;
    if (tensor->bytes)
      driver(driver.copyToDevice, next, static_cast<const void *>(tensor->data), tensor->bytes, stream);
    next += aligned(tensor->bytes);
  }
  outputs.clear();
  for (size_t i = 0; i != call.outputs.size(); ++i) {
    lathe_tensor *tensor = call.outputs[i];
    outputs.push_back(nullptr);
    if (call.outputBytes[i] == UnknownBytes)
      continue; // `bindOutput` finds memory
    if (onDevice(tensor)) {
      outputs[i] = memories.place(tensor, i, call.outputBytes[i], stream);
      continue;
    }
    outputs[i] = reinterpret_cast<void *>(next);
    next += aligned(size_t(call.outputBytes[i]));
    if (tensor && !tensor->data) {
      tensor->data = memories.hostResults.get(i, call.outputBytes[i]);
      tensor->bytes = size_t(call.outputBytes[i]);
    }
  }
}

/// To the host, those that are wanted there; true when there are any.
bool CudaExecutor::copyOutputs(const TensorCall &call, Stream stream) {
  bool any = false;
  for (size_t i = 0; i != call.outputs.size(); ++i) {
    if (!call.outputs[i] || onDevice(call.outputs[i]))
      continue;
    any = true;
    if (call.outputBytes[i])
      driver(driver.copyToHost, call.outputs[i]->data, reinterpret_cast<DeviceAddress>(outputs[i]),
             size_t(call.outputBytes[i]), stream);
  }
  return any;
}

/// What kernels reported after the call had returned.
void CudaExecutor::checkEarlierCall() {
  try {
    checkFaults(memories.window.faults(), program->image());
  } catch (const Failure &failure) {
    throw Failure(failure.code(), "an earlier call, which nobody waited for: ", failure.message());
  }
}

void CudaExecutor::run(TensorCall &call) {
  ContextScope scope(*device);
  checkEarlierCall();
  Stream stream = begin(call.stream);
  size_t arena = aligned(arenaBytes(*program, *call.entry, call.symbols.data())), bytes = arena;
  for (const lathe_tensor *tensor : call.inputs)
    bytes += onDevice(tensor) ? 0 : aligned(tensor->bytes);
  for (size_t i = 0; i != call.outputs.size(); ++i)
    bytes += isStaged(call, i) ? aligned(size_t(call.outputBytes[i])) : 0;
  DeviceAddress base = bytes ? workspace(bytes, stream) : 0;
  placeTensors(call, base + arena, stream);
  executeAgain(call, base, stream);
  bool results = copyOutputs(call, stream);
  markEnd(driver, stream, own, done);
  if (!results && !ranks)
    return;
  wait(stream);
  checkFaults(memories.window.faults(), program->image());
}

lathe_memory_info CudaExecutor::memory() const {
  lathe_memory_info info{};
  info.working_bytes = growingBytes + metadataBytes + bucketResultBytes + bucketArenaBytes + candidateBytes;
  info.pool_bytes = memories.bytes();
  for (size_t i = 0; i != limits.states.size(); ++i)
    info.state_bytes += uint64_t(limits.bytesOf(i));
  info.growths = growths + memories.growths();
  return info;
}

const CudaExecutor::Bucket *CudaExecutor::bucketOf(const Entry &entry, const StepShape &shape) const {
  // As many tokens as sequences is one each.
  if (shape.tokens != shape.sequences)
    return nullptr;
  for (const Bucket &bucket : buckets)
    if (bucket.entry == &entry && bucket.exec && shape.sequences <= bucket.shape.sequences &&
        shape.rows <= bucket.shape.rows && shape.pages <= bucket.shape.pages)
      return &bucket;
  return nullptr;
}

StepShape CudaExecutor::pad(const Entry &entry, const StepShape &needed) const {
  const Bucket *bucket = bucketOf(entry, needed);
  return bucket ? bucket->shape : needed;
}

void CudaExecutor::upload(const StepCall &call, Stream stream) {
  std::vector<size_t> offsets = metadataOffsets(*call.entry, call.shape);
  // The copy out of `staging` of the step before must be over; its kernels need not.
  driver(driver.eventSynchronize, staged);
  for (size_t i = 0; i != call.entry->inputs.size(); ++i) {
    const std::vector<int32_t> &array = call.array(call.entry->inputs[i].role);
    std::memcpy(static_cast<char *>(staging) + offsets[i], array.data(), array.size() * sizeof(int32_t));
  }
  driver(driver.copyToDevice, metadata.at(0), static_cast<const void *>(staging), offsets.back(), stream);
  driver(driver.eventRecord, staged, stream);
}

void CudaExecutor::bindStep(const Entry &entry, const StepShape &shape, DeviceAddress logits) {
  std::vector<size_t> offsets = metadataOffsets(entry, shape);
  inputs.clear();
  for (size_t i = 0; i != entry.inputs.size(); ++i)
    inputs.push_back(reinterpret_cast<void *>(metadata.at(offsets[i])));
  outputs.clear();
  // Pinned memory has one address on host and device, and a few tokens written there need no copy behind the step.
  for (const Value &output : entry.outputs)
    outputs.push_back(output.role == "logits" ? reinterpret_cast<void *>(logits) : chosen());
}

CandidateCopies CudaExecutor::findLargest(const StepCall &call, DeviceAddress logits, Stream stream) {
  const Entry &entry = *findCandidates(program->manifest, *call.entry);
  std::vector<size_t> places = candidateOffsets(*program, &entry, call.shape.rows);
  DeviceAddress base = bucketMemory.at(bucketResultBytes + bucketArenaBytes);
  inputs = {reinterpret_cast<void *>(logits)};
  outputs = {reinterpret_cast<void *>(base), reinterpret_cast<void *>(base + places[1])};
  execute(entry, &call.shape.rows, base + places[2], stream, nullptr);
  size_t count = size_t(call.wantedRows * countCandidates(&entry));
  auto *tokens = chosen();
  auto *values = reinterpret_cast<float *>(tokens + count);
  driver(driver.copyToHost, static_cast<void *>(tokens), base + places[1], count * sizeof(int64_t), stream);
  driver(driver.copyToHost, static_cast<void *>(values), base, count * sizeof(float), stream);
  return {{values, count}, {tokens, count}};
}

/// Copies logits to where they are wanted, unless the kernels wrote them there; results in host memory are there when
/// this returns.
void CudaExecutor::deliver(const StepCall &call, DeviceAddress logits, Stream stream) {
  bool toHost = call.logits && call.logitsMemory == LATHE_MEMORY_HOST;
  CandidateCopies largest;
  if (call.wantedRows) {
    auto wanted = reinterpret_cast<DeviceAddress>(call.logits);
    size_t bytes = size_t(call.wantedRows) * rowBytes(*call.entry);
    if (toHost)
      driver(driver.copyToHost, static_cast<void *>(call.logits), logits, bytes, stream);
    else if (wanted && wanted != logits)
      driver(driver.copyOnDevice, wanted, logits, bytes, stream);
    if (call.candidates)
      largest = findLargest(call, logits, stream);
  }
  markEnd(driver, stream, own, done);
  if (ranks || (call.wantedRows && (toHost || call.sampledTokens || call.candidates))) {
    wait(stream);
    checkFaults(memories.window.faults(), program->image());
  }
  if (call.sampledTokens && call.wantedRows)
    std::copy_n(chosen(), call.wantedRows, call.sampledTokens);
  if (call.candidates) {
    call.candidates->logits.assign(largest.logits.begin(), largest.logits.end());
    call.candidates->tokens.assign(largest.tokens.begin(), largest.tokens.end());
  }
}

void CudaExecutor::step(const StepCall &call) {
  ContextScope scope(*device);
  checkEarlierCall();
  Stream stream = begin(call.stream);
  upload(call, stream);
  const Bucket *bucket = device->timer ? nullptr : bucketOf(*call.entry, call.shape);
  if (bucket && bucket->shape.sequences == call.shape.sequences && bucket->shape.pages == call.shape.pages &&
      bucket->shape.rows == call.shape.rows) {
    driver(driver.graphLaunch, bucket->exec, stream);
    return deliver(call, bucketMemory.at(0), stream);
  }
  size_t results = resultBytes(*call.entry, call.shape.rows);
  size_t bytes = results + arenaBytes(*program, *call.entry, call.symbols.data());
  DeviceAddress base = bytes ? workspace(bytes, stream) : 0;
  bool direct = call.logits && call.logitsMemory == LATHE_MEMORY_DEVICE && call.wantedRows == call.shape.rows;
  DeviceAddress logits = direct ? reinterpret_cast<DeviceAddress>(call.logits) : base;
  bindStep(*call.entry, call.shape, logits);
  execute(*call.entry, call.symbols.data(), base + results, stream, /*tensors=*/nullptr);
  deliver(call, logits, stream);
}

void CudaExecutor::copyPage(size_t group, int32_t target, int32_t source, void *stream) {
  ContextScope scope(*device);
  Stream ordered = begin(stream);
  for (size_t i : limits.groups[group].states) {
    size_t bytes = size_t(limits.states[i]->pageBytes);
    driver(driver.copyOnDevice, pools[i].at(size_t(target) * bytes), pools[i].at(size_t(source) * bytes), bytes,
           ordered);
  }
  markEnd(driver, ordered, own, done);
}

} // namespace lathe::runtime::cuda
