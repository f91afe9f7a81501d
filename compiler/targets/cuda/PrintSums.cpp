// The kernels by which ranks add up in each other's memory: no launch names them, the runtime finds them by name.
#include "compiler/targets/HostProgram.h"
#include "compiler/targets/cuda/ElementPrinter.h"
#include "compiler/targets/cuda/KernelPrinter.h"
#include "dialects/lathe/Collectives.h"
#include "runtime/cuda/SumKernel.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

static std::string printSum(StringRef name, StringRef type, int64_t ranks) {
  using runtime::SumKernel;
  std::string boxes, places;
  for (int64_t rank = 0; rank < ranks; ++rank) {
    boxes += llvm::formatv(", char *m{0}", rank);
    places += llvm::formatv("{0}m{1}", rank ? ", " : "", rank);
  }
  std::string text =
      llvm::formatv("namespace {0}_parts {{\nusing Template = AllReduce<{1}, {2}>;\n", name, type, ranks);
  text +=
      llvm::formatv("static_assert(Template::Threads == {0} && Template::PacketBytes == {1} && "
                    "Template::MailboxBytes == {2} && Template::MailboxCopies == {3} && Template::MinBlocks >= {4});\n",
                    SumKernel::Threads, SumKernel::PacketBytes, SumKernel::MailboxBytes, SumKernel::MailboxCopies,
                    SumKernel::Resident);
  text += llvm::formatv("} // namespace {0}_parts\n"
                        "extern \"C\" __global__ void __launch_bounds__({0}_parts::Template::Threads, "
                        "{0}_parts::Template::MinBlocks)\n"
                        "    {0}(const {1} *source, {1} *target{2}, char *own, uint32_t *calls, const uint32_t *stop, "
                        "int64_t packets, int64_t capacity, int64_t rank) {{\n",
                        name, type, boxes);
  text +=
      llvm::formatv("  using namespace {0}_parts;\n"
                    "  Template::Params params{{.Source = source, .Target = target, .Mailboxes = {{{1}}, .Own = own, "
                    ".Calls = calls, .Stop = stop, .Packets = packets, .Capacity = capacity, .Rank = int32_t(rank)};\n"
                    "  gridTiles<Template>(params, nullptr, NoBody{{});\n}\n",
                    name, places);
  return text;
}

LogicalResult KernelTable::addSum(plan::LaunchOp launch) {
  auto sum = dyn_cast<AllReduceOp>(findCollective(launch));
  if (!sum)
    return success();
  int64_t ranks = Grid::of(launch).getSize(sum.getAxis());
  if (ranks < 2 || ranks > runtime::SumKernel::MostRanks)
    return success();
  Type element = cast<RankedTensorType>(sum.getType()).getElementType();
  FailureOr<std::string> type = getMemoryType(launch, sum.getType());
  if (failed(type))
    return failure();
  std::string name = runtime::SumKernel::Prefix;
  llvm::raw_string_ostream(name) << element;
  if (!Known.try_emplace(name, Kernels.size()).second)
    return success();
  PrintedKernel printed = {name, "all_reduce", llvm::formatv("{0} ranks add up small tensors by it", ranks), {}};
  for (KernelVariant &variant : printed.Variants)
    variant = {"", "", {"all_reduce.cuh"}, printSum(name, *type, ranks), runtime::SumKernel::Threads, 0, 1};
  Kernels.push_back(std::move(printed));
  return success();
}
