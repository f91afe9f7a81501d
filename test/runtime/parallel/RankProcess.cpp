// One rank of RanksTest: `runtime-rank PLUGIN SCENARIO [artifact] [artifact for CUDA] [another artifact]`, started by
// mpirun. GPUs are fake ones. Says on standard output what came out, with its rank in front; ends with 0 if nothing was
// wrong.
#include "runtime/Failure.h"
#include "runtime/api/Handles.h"
#include "runtime/artifact/Manifest.h"
#include "runtime/cuda/SumKernel.h"
#include "runtime/parallel/Group.h"
#include "runtime/parallel/SharedCalls.h"
#include "test/runtime/ToyReference.h"
#include "test/runtime/cuda/FakeCudaFixture.h"

#include <atomic>
#include <bit>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <stdexcept>
#include <thread>
#include <unistd.h>

using namespace lathe;
using namespace std::chrono;

namespace {

int rank, size;
const char *plugin, *rendezvous;

/// Two rows of the toy's logits are added up in mailboxes, more through NCCL; -1 in the environment: all.
int directBytes() { return getenv("DIRECT_BYTES") ? std::atoi(getenv("DIRECT_BYTES")) : 64; }

lathe_group_options groupOptions() {
  lathe_group_options options = {};
  options.struct_size = sizeof(options);
  options.rank = rank;
  options.size = size;
  options.mpi_plugin = plugin;
  options.rendezvous = rendezvous;
  options.direct_bytes = directBytes();
  return options;
}

void require(bool holds, const char *what) {
  if (!holds)
    throw std::runtime_error(what);
}

// ---- Collectives, of which each rank knows what all give ----

int given(int of, int64_t i) { return int((i * 7 + of * 13) % 11) - 5; }

template <typename T> void collect(runtime::HostRanks &ranks, lathe_type type, int64_t count) {
  using runtime::CollectiveKind;
  auto element = [&](int of, int64_t i) { return T(given(of, i)); };
  std::vector<T> source(size_t(count * size)), target(size_t(count * size));
  for (int64_t i = 0; i != count * size; ++i)
    source[size_t(i)] = element(rank, i);
  auto sum = [&](int64_t i) {
    float total = 0;
    for (int of = 0; of != size; ++of)
      total += float(given(of, i));
    return T(total);
  };
  auto run = [&](CollectiveKind kind, void *to, const void *from,
                 runtime::Reduction reduction = runtime::Reduction::Sum) {
    ranks.run({kind, type, reduction, to, from, count});
  };
  run(CollectiveKind::AllReduce, target.data(), source.data());
  for (int64_t i = 0; i != count; ++i)
    require(target[size_t(i)] == sum(i), "all_reduce");
  run(CollectiveKind::AllReduce, target.data(), source.data(), runtime::Reduction::Max);
  for (int64_t i = 0; i != count; ++i) {
    int most = given(0, i);
    for (int of = 1; of != size; ++of)
      most = std::max(most, given(of, i));
    require(target[size_t(i)] == T(most), "all_reduce of the largest");
  }
  run(CollectiveKind::AllGather, target.data(), source.data());
  for (int64_t i = 0; i != count * size; ++i)
    require(target[size_t(i)] == element(int(i / count), i % count), "all_gather");
  run(CollectiveKind::ReduceScatter, target.data(), source.data());
  for (int64_t i = 0; i != count; ++i)
    require(target[size_t(i)] == sum(rank * count + i), "reduce_scatter");
  run(CollectiveKind::Broadcast, target.data(), source.data());
  for (int64_t i = 0; i != count; ++i)
    require(target[size_t(i)] == element(0, i), "broadcast");
  run(CollectiveKind::AllReduce, source.data(), source.data()); // in place
  for (int64_t i = 0; i != count; ++i)
    require(source[size_t(i)] == sum(i), "all_reduce in place");
}

void collectives(const char *path) {
  auto group = std::make_shared<runtime::Group>(groupOptions());
  for (int64_t count : {0, 1, 3, 1000, 4096, 4097, 50001}) {
    collect<float>(group->host(), LATHE_F32, count);
    collect<_Float16>(group->host(), LATHE_F16, count);
    collect<int32_t>(group->host(), LATHE_I32, count);
    collect<int64_t>(group->host(), LATHE_I64, count);
    collect<int8_t>(group->host(), LATHE_I8, count);
  }
  std::printf("rank %d: collectives are right\n", rank);
  if (rank != 0) // to its end, which comes at once
    runtime::followCalls(group, test::load(path)->object, *test::cpu(1)->object);
}

// ---- Sessions ----

int sums = 0; ///< that the kernel below has made

/// What all_reduce.cuh does with float, for what SumKernel.h says.
void sumRanks(const FakeLaunch &launch) {
  using runtime::SumKernel;
  const uint64_t *rest = launch.arguments + 2 + size;
  auto at = [&](size_t i) { return reinterpret_cast<char *>(launch.arguments[i]); };
  auto *calls = reinterpret_cast<uint32_t *>(rest[1]);
  auto *stop = reinterpret_cast<volatile uint32_t *>(rest[2]);
  int64_t packets = int64_t(rest[3]), capacity = int64_t(rest[4]), own = int64_t(rest[5]);
  auto place = [&](char *box, uint32_t call, int64_t from, int64_t packet) {
    return reinterpret_cast<std::atomic<uint64_t> *>(
        box + ((int64_t(call % SumKernel::MailboxCopies) * size + from) * capacity + packet) * SumKernel::MailboxBytes);
  };
  ++sums;
  std::vector<float> given(size_t(packets) * 2);
  std::memcpy(given.data(), at(0), given.size() * sizeof(float));
  for (int64_t i = 0; i != packets * 2; ++i)
    for (int64_t to = 0; to != size; ++to)
      if (to != own) {
        uint32_t call = calls[i / 2 / SumKernel::Threads] + 1;
        place(at(2 + size_t(to)), call, own, i / 2)[i % 2] = uint64_t(call) << 32 | std::bit_cast<uint32_t>(given[i]);
      }
  for (int64_t i = 0; i != packets * 2; ++i) {
    uint32_t call = calls[i / 2 / SumKernel::Threads] + 1;
    float sum = 0;
    for (int64_t from = 0; from != size; ++from) {
      uint64_t found = uint64_t(call) << 32 | std::bit_cast<uint32_t>(given[i]);
      if (from != own)
        while (uint32_t((found = place(reinterpret_cast<char *>(rest[0]), call, from, i / 2)[i % 2]) >> 32) != call)
          if (*stop)
            return;
      float x = std::bit_cast<float>(uint32_t(found));
      sum = from == 0 ? x : sum + x;
    }
    reinterpret_cast<float *>(at(1))[i] = sum;
  }
  for (unsigned tile = 0; tile != launch.grid[0]; ++tile)
    ++calls[tile];
}

/// A CPU, or the fake GPU.
test::Device createDevice(const std::string &target) {
  if (target == "cpu")
    return test::cpu(1);
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  require(library, "no fake driver");
  reinterpret_cast<decltype(fakeCudaReset) *>(dlsym(library, "fakeCudaReset"))(9, 0, 4 << 20);
  test::addKernels(library);
  std::string parameters = std::string("pp") + std::string(size_t(size), 'p') + "pppiii";
  reinterpret_cast<decltype(fakeCudaRegister) *>(dlsym(library, "fakeCudaRegister"))("lathe_all_reduce_f32",
                                                                                     parameters.c_str(), sumRanks);
  lathe_device_options options = {};
  options.struct_size = sizeof(options);
  options.kind = LATHE_DEVICE_CUDA;
  lathe_device *device = nullptr;
  test::succeed(lathe_device_create(&options, &device));
  return test::Device(device);
}

struct Model {
  explicit Model(const char *path, lathe_group_options groupOf = groupOptions()) : program(test::load(path)) {
    device = createDevice(lathe_program_target(program.get()));
    lathe_group *made = nullptr;
    test::succeed(lathe_group_create(&groupOf, &made));
    group.reset(made);
  }

  /// Of rank 0.
  test::Session open(int maxSequences = 4) {
    lathe_session_options options = {};
    options.struct_size = sizeof(options);
    options.max_sequences = maxSequences;
    options.group = group.get();
    lathe_session *opened = nullptr;
    test::succeed(lathe_session_create(program.get(), device.get(), &options, &opened));
    return test::Session(opened);
  }
  /// Of the others.
  test::Outcome follow() { return test::outcome(lathe_group_follow(group.get(), program.get(), device.get())); }

  test::Program program;
  test::Device device;
  test::Group group;
};

void takeSteps(const test::Session &session) {
  test::Sequence first = test::openSequence(session), second = test::openSequence(session);
  std::vector<int32_t> text = test::someText(40), other = test::someText(9, 3);
  require(test::advance(session, first, text) == test::toyLogits(text), "a prompt");
  require(test::advance(session, second, other) == test::toyLogits(other), "another sequence");
  for (int32_t token : {3, 1, 4, 1, 5}) {
    text.push_back(token);
    require(test::advance(session, first, {token}) == test::toyLogits(text), "a token");
  }
  // Shared pages are copied on all ranks when one of two sequences writes.
  lathe_sequence *forked = nullptr;
  test::succeed(lathe_sequence_fork(first.get(), &forked));
  test::Sequence fork(forked);
  std::vector<int32_t> branch = text;
  branch.push_back(2);
  text.push_back(6);
  require(test::advance(session, fork, {2}) == test::toyLogits(branch), "a fork");
  require(test::advance(session, first, {6}) == test::toyLogits(text), "what was forked");
}

/// Ranks other than 0 follow; then rank 0 does what `body` does.
template <typename Body> void lead(Model &model, Body body) {
  if (rank == 0)
    return body();
  lathe_session_options options = {};
  options.struct_size = sizeof(options);
  options.group = model.group.get();
  lathe_session *session = nullptr;
  test::Outcome own = test::outcome(lathe_session_create(model.program.get(), model.device.get(), &options, &session));
  require(own.code == LATHE_INVALID_ARGUMENT, "a follower opens a session by itself");
  test::Outcome followed = model.follow();
  require(followed.code == 0, followed.message.c_str());
  std::printf("rank %d: followed to the end\n", rank);
}

/// One session after the other, then two that take turns.
void sessions(const char *path) {
  Model model(path);
  lead(model, [&] {
    takeSteps(model.open());
    takeSteps(model.open(3));
    test::Session left = model.open(), right = model.open(5);
    takeSteps(left);
    takeSteps(right);
    test::Sequence in = test::openSequence(left), beside = test::openSequence(right);
    std::vector<int32_t> text = test::someText(20), other = test::someText(30, 3);
    for (size_t i = 0; i != 20; ++i) {
      std::vector<int32_t> so(text.begin(), text.begin() + long(i) + 1),
          far(other.begin(), other.begin() + long(i) + 1);
      require(test::advance(left, in, {text[i]}) == test::toyLogits(so), "a token of the first session");
      require(test::advance(right, beside, {other[i]}) == test::toyLogits(far), "a token of the second session");
    }
    left.reset();
    takeSteps(right);
    bool onGpu = std::string(lathe_program_target(model.program.get())) == "cuda";
    require((sums > 0) == (onGpu && directBytes() > 0), "sums in mailboxes");
    std::printf("rank 0: sessions are right\n");
  });
}

/// An engine on all ranks writes what one on a single rank does.
std::vector<int32_t> write(const test::Session &session) {
  lathe_engine *made = nullptr;
  test::succeed(lathe_engine_create(session.get(), nullptr, &made));
  test::Engine engine(made);
  std::vector<test::Request> requests;
  for (int i = 0; i != 3; ++i) {
    std::vector<int32_t> prompt = test::someText(size_t(20 + i), uint32_t(i + 1));
    lathe_request_options options = {};
    options.struct_size = sizeof(options);
    options.tokens = prompt.data();
    options.token_count = prompt.size();
    options.max_tokens = 12;
    lathe_request *request = nullptr;
    test::succeed(lathe_engine_submit(engine.get(), &options, &request));
    requests.emplace_back(request);
  }
  for (size_t left = 1; left;)
    test::succeed(lathe_engine_step(engine.get(), &left));
  std::vector<int32_t> all;
  for (test::Request &request : requests) {
    lathe_request_output output = {};
    output.struct_size = sizeof(output);
    test::succeed(lathe_request_poll(request.get(), &output));
    all.insert(all.end(), output.tokens, output.tokens + output.token_count);
  }
  return all;
}

void engine(const char *path) {
  Model model(path);
  lead(model, [&] {
    test::Program single = test::load(test::writeTemporary(test::toySource()));
    test::Device cpu = test::cpu(1);
    std::vector<int32_t> wanted = write(test::openSession(single, cpu, 4));
    require(wanted.size() == 36 && write(model.open()) == wanted, "texts");
    std::printf("rank 0: texts are right\n");
  });
}

// ---- What goes wrong: rank 1 does it, and the others say so ----

/// Rank 0 steps until that fails; the others follow until that does. Prints the message and after how long.
void suffer(Model &model) {
  auto start = steady_clock::now();
  test::Outcome result = {0, ""};
  if (rank != 0) {
    result = model.follow();
  } else {
    test::Session session = model.open();
    test::Sequence sequence = test::openSequence(session);
    for (int i = 0; i != 1000 && !result.code; ++i) {
      lathe_sequence *of = sequence.get();
      const int32_t token = 1;
      float logits[8];
      lathe_step_options options = {};
      options.struct_size = sizeof(options);
      options.sequence_count = 1;
      options.sequences = &of;
      options.tokens = &token;
      options.logits = logits;
      options.logits_bytes = sizeof(logits);
      result = test::outcome(lathe_session_step(session.get(), &options));
      if (!result.code && lathe_sequence_length(of) == 60)
        test::succeed(lathe_sequence_truncate(of, 0));
      std::this_thread::sleep_for(milliseconds(10));
    }
  }
  auto took = duration_cast<milliseconds>(steady_clock::now() - start).count();
  std::printf("rank %d: code %d after %lld ms: %s\n", rank, result.code, static_cast<long long>(took),
              result.message.c_str());
  std::fflush(stdout);
  std::this_thread::sleep_for(seconds(1)); // mpirun ends the others when the first has gone
  _exit(0);                                // a broken group leaves MPI as it is
}

/// In `time` does to rank 1's process what `signal` does.
void strike(int signal) {
  if (rank == 1)
    std::thread([signal] {
      std::this_thread::sleep_for(milliseconds(500));
      raise(signal);
    }).detach();
}

void stopped(const char *path, int signal) {
  lathe_group_options options = groupOptions();
  options.silence_ms = 1500;
  Model model(path, options);
  strike(signal);
  suffer(model);
}

void absent(const char *path) {
  lathe_group_options options = groupOptions();
  options.wait_ms = 1000;
  Model model(path, options);
  if (rank == 1)
    std::this_thread::sleep_for(seconds(4));
  suffer(model);
}

/// Rank 1 has another program.
void unlike(const char *path, const char *other) {
  Model model(rank == 1 ? other : path);
  test::Outcome result = {0, ""};
  if (rank != 0)
    result = model.follow();
  else
    try {
      (void)model.open();
    } catch (const std::exception &error) {
      result = {LATHE_INVALID_ARGUMENT, error.what()};
    }
  std::printf("rank %d: %s\n", rank, result.message.c_str());
  std::fflush(stdout);
  std::this_thread::sleep_for(seconds(1));
  _exit(result.code ? 0 : 1);
}

void miscounted() {
  lathe_group_options options = groupOptions();
  options.rank = (rank + 1) % size;
  lathe_group *group = nullptr;
  test::Outcome result = test::outcome(lathe_group_create(&options, &group));
  std::printf("rank %d: code %d: %s\n", rank, result.code, result.message.c_str());
  std::fflush(stdout);
  _exit(0);
}

void leaving(const char *path) {
  Model model(path);
  if (rank == 1)
    model.group.reset(); // without having followed; waits until rank 0's process ends
  suffer(model);
}

} // namespace

int main(int argc, char **argv) {
  rendezvous = getenv("RENDEZVOUS"); // then a shell has started it
  const char *ownRank = getenv(rendezvous ? "RANK" : "OMPI_COMM_WORLD_RANK");
  const char *ranks = getenv(rendezvous ? "WORLD_SIZE" : "OMPI_COMM_WORLD_SIZE");
  if (argc < 3 || !ownRank || !ranks) {
    std::fprintf(stderr, "runtime-rank: start with mpirun, PLUGIN and SCENARIO\n");
    return 2;
  }
  plugin = argv[1];
  rank = std::atoi(ownRank);
  size = std::atoi(ranks);
  std::string scenario = argv[2];
  const char *path = argc > 3 ? argv[3] : "";
  if (scenario.rfind("gpu-", 0) == 0) {
    scenario.erase(0, 4);
    path = argc > 4 ? argv[4] : "";
  }
  try {
    if (scenario == "collectives")
      collectives(path);
    else if (scenario == "sessions")
      sessions(path);
    else if (scenario == "engine")
      engine(path);
    else if (scenario == "stopped")
      stopped(path, SIGSTOP);
    else if (scenario == "killed")
      stopped(path, SIGKILL);
    else if (scenario == "absent")
      absent(path);
    else if (scenario == "unlike")
      unlike(path, argc > 5 ? argv[5] : "");
    else if (scenario == "miscounted")
      miscounted();
    else if (scenario == "leaving")
      leaving(path);
    else
      return 2;
  } catch (const std::exception &error) {
    std::printf("rank %d: wrong: %s\n", rank, error.what());
    std::fflush(stdout);
    _exit(1);
  }
  return 0;
}
