// What one rank of all_reduce.cuh sends and adds up. The test plays the others: what they send is there before the rank
// looks, so this shows nothing of how ranks run at one time.
#include "KernelTest.h"
#include "all_reduce.cuh"
#include <array>

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

template <class T, int Ranks> struct Job {
  using Kernel = AllReduce<T, Ranks>;
  static constexpr int64_t Capacity = 700, Elements = Kernel::Elements;

  explicit Job(int rank) : Rank(rank), Calls(std::vector<uint32_t>(8)), Stop(std::vector<uint32_t>(1)) {
    for (int r = 0; r < Ranks; ++r)
      Boxes.emplace_back(std::vector<uint32_t>(Kernel::MailboxCopies * Ranks * Capacity * 4));
  }

  /// Word `i` of a packet.
  static size_t at(uint32_t call, int from, int64_t packet, int i) {
    return size_t(((call % 2 * Ranks + from) * Capacity + packet) * 4 + i);
  }

  typename Kernel::Params params(const Buffer<T> &source, const Buffer<T> &target, int64_t packets) {
    typename Kernel::Params p{};
    p.Source = source.data();
    p.Target = target.data();
    for (int r = 0; r < Ranks; ++r)
      p.Mailboxes[r] = reinterpret_cast<char *>(Boxes[size_t(r)].data());
    p.Own = p.Mailboxes[Rank];
    p.Calls = Calls.data();
    p.Stop = Stop.data();
    p.Packets = packets;
    p.Capacity = Capacity;
    p.Rank = Rank;
    return p;
  }

  /// Call number `call` of tiles that have all been in every call before.
  void run(Suite &suite, const std::string &name, uint32_t call, int64_t packets, int64_t blocks) {
    std::string title = name + " rank " + std::to_string(Rank) + " of " + std::to_string(Ranks) + " call " +
                        std::to_string(call) + " packets " + std::to_string(packets);
    std::vector<std::vector<T>> given;
    std::vector<uint32_t> box = Boxes[size_t(Rank)].read();
    auto words = [&](int rank, int64_t packet) {
      std::array<uint32_t, 2> two;
      std::memcpy(two.data(), &given[size_t(rank)][size_t(packet * Elements)], sizeof(two));
      return two;
    };
    for (int r = 0; r < Ranks; ++r) {
      given.push_back(randomVector<T>(size_t(packets * Elements)));
      for (int64_t packet = 0; packet < packets && r != Rank; ++packet)
        for (int i = 0; i < 4; ++i)
          box[at(call, r, packet, i)] = i % 2 ? call : words(r, packet)[size_t(i / 2)];
    }
    Boxes[size_t(Rank)].copyIn(box);
    std::vector<std::vector<uint32_t>> before;
    for (Buffer<uint32_t> &each : Boxes)
      before.push_back(each.read());
    Buffer<T> source(given[size_t(Rank)]), target = Buffer<T>::poisoned(size_t(packets * Elements));
    launch<Kernel>(params(source, target, packets), NoBody{}, blocks);
    synchronize();
    // 1. The sum, in f32 and in the order of ranks.
    std::vector<double> want;
    for (size_t i = 0; i < given[0].size(); ++i) {
      float sum = float(number(given[0][i]));
      for (int r = 1; r < Ranks; ++r)
        sum += float(number(given[size_t(r)][i]));
      want.push_back(number(element<T>(sum)));
    }
    suite.compare(title, target.read(), want, std::vector<double>(want.size()));
    // 2. What the others get, and nothing else.
    bool good = true;
    for (int r = 0; r < Ranks; ++r) {
      for (int64_t packet = 0; packet < packets && r != Rank; ++packet)
        for (int i = 0; i < 4; ++i)
          before[size_t(r)][at(call, Rank, packet, i)] = i % 2 ? call : words(Rank, packet)[size_t(i / 2)];
      good = good && Boxes[size_t(r)].read() == before[size_t(r)];
    }
    suite.report(title, good && target.guardsIntact(), "mailboxes are not as they should be");
    // 3. The number of the call.
    std::vector<uint32_t> calls(8);
    std::fill_n(calls.begin(), ceilDiv<int64_t>(packets, Kernel::Threads), call);
    suite.report(title, Calls.read() == calls, "calls are not counted");
  }

  /// Nobody has sent anything, and the host has said so.
  void giveUp(Suite &suite, const std::string &name) {
    Stop.copyIn({1});
    Buffer<T> source(randomVector<T>(size_t(3 * Elements))), target = Buffer<T>::poisoned(size_t(3 * Elements));
    launch<Kernel>(params(source, target, 3), NoBody{});
    synchronize();
    suite.report(name + " stopped", true);
  }

  int Rank;
  std::vector<Buffer<uint32_t>> Boxes;
  Buffer<uint32_t> Calls, Stop;
};

template <class T, int Ranks> void runCases(Suite &suite, const std::string &name) {
  for (int64_t packets : {1, 127, 128, 129, 700})
    for (int rank = 0; rank < Ranks; rank += Ranks - 1) {
      Job<T, Ranks> job(rank);
      for (uint32_t call = 1; call <= 3; ++call)
        job.run(suite, name, call, packets, /*blocks=*/call == 2 ? 2 : 0);
      job.giveUp(suite, name);
    }
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("all_reduce", argc, argv);
  runCases<float, 2>(suite, "float");
  runCases<Half, 2>(suite, "half");
  runCases<BFloat16, 4>(suite, "bfloat16");
  return suite.finish();
}
