#include "compiler/targets/cuda/CudaLaunchLowering.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

// A grid's x dimension holds no more; kernels loop over the tiles beyond.
static constexpr int64_t MaxBlocks = INT32_MAX;

namespace {
class CudaLaunchLowering : public LaunchLowering {
public:
  CudaLaunchLowering(llvm::Module &module, const KernelTable &table) : Abi(module.getContext()), Table(table) {}

  FailureOr<llvm::Value *> lower(plan::LaunchOp launch, HostLaunch &host) override;

private:
  llvm::Value *emitGeometry(const KernelCall &call, HostLaunch &host);
  llvm::Value *emitArguments(const KernelCall &call, HostLaunch &host);

  HostAbiTypes Abi;
  const KernelTable &Table;
};
} // namespace

/// Number of blocks: one a tile, at least one cluster of them.
static llvm::Value *emitBlocks(AffineExpr tiles, int64_t cluster, HostLaunch &host) {
  llvm::IRBuilderBase &builder = host.Builder;
  llvm::Value *blocks = emitAffine(builder, tiles, host.Dims);
  int64_t most = MaxBlocks / cluster * cluster;
  blocks = builder.CreateBinaryIntrinsic(llvm::Intrinsic::smin, blocks, builder.getInt64(most));
  blocks = builder.CreateBinaryIntrinsic(llvm::Intrinsic::smax, blocks, builder.getInt64(cluster));
  return builder.CreateTrunc(blocks, builder.getInt32Ty());
}

/// `values[t]` for the target t that the runtime has loaded.
static llvm::Value *selectTarget(ArrayRef<llvm::Value *> values, const HostAbiTypes &abi, HostLaunch &host) {
  llvm::IRBuilderBase &builder = host.Builder;
  if (llvm::all_equal(values))
    return values.front();
  llvm::Value *target = abi.loadCallTarget(builder, host.Call), *selected = values.front();
  for (unsigned t = 1; t < values.size(); ++t)
    selected = builder.CreateSelect(builder.CreateICmpEQ(target, builder.getInt64(t)), values[t], selected);
  return selected;
}

/// A `struct CudaLaunch`.
llvm::Value *CudaLaunchLowering::emitGeometry(const KernelCall &call, HostLaunch &host) {
  llvm::IRBuilderBase &builder = host.Builder;
  const PrintedKernel &kernel = Table.getKernels()[call.Kernel];
  static_assert(sizeof(runtime::CudaLaunch) % sizeof(int64_t) == 0, "an array of i64 holds a CudaLaunch");
  SmallVector<llvm::Value *> room(sizeof(runtime::CudaLaunch) / sizeof(int64_t), builder.getInt64(0));
  llvm::Value *geometry = host.createArray(0, room);
  auto store = [&](llvm::Value *value, ArrayRef<unsigned> place) {
    SmallVector<llvm::Value *> indices = {builder.getInt32(0)};
    for (unsigned index : place)
      indices.push_back(builder.getInt32(index));
    builder.CreateStore(value, builder.CreateInBoundsGEP(Abi.CudaLaunch, geometry, indices));
  };
  SmallVector<llvm::Value *> blocks, threads, sharedBytes;
  for (unsigned target = 0; target < PtxTargetCount; ++target) {
    const KernelVariant &variant = kernel.Variants[target];
    bool same = target && call.Tiles[target] == call.Tiles[0] && variant.Cluster == kernel.Variants[0].Cluster;
    blocks.push_back(same ? blocks[0] : emitBlocks(call.Tiles[target], variant.Cluster, host));
    threads.push_back(builder.getInt32(variant.Threads));
    sharedBytes.push_back(builder.getInt32(variant.SharedBytes));
  }
  store(builder.getInt32(call.Kernel), {0});
  store(selectTarget(blocks, Abi, host), {1, 0});
  store(selectTarget(threads, Abi, host), {2, 0});
  for (unsigned axis : {1, 2}) {
    store(builder.getInt32(1), {1, axis});
    store(builder.getInt32(1), {2, axis});
  }
  store(selectTarget(sharedBytes, Abi, host), {3});
  return geometry;
}

/// The addresses of the kernel's parameters: pointers, sizes, layers, what reports faults.
llvm::Value *CudaLaunchLowering::emitArguments(const KernelCall &call, HostLaunch &host) {
  llvm::IRBuilderBase &builder = host.Builder;
  SmallVector<llvm::Value *> values = host.Buffers, addresses;
  llvm::append_range(values, host.Dims);
  for (int64_t layer : call.Layers)
    values.push_back(builder.getInt64(layer));
  if (call.Faults) {
    values.push_back(Abi.loadCallField(builder, host.Call, 9));
    values.push_back(host.Node);
  }
  llvm::Value *array = host.createArray(1, values);
  for (unsigned i = 0; i < values.size(); ++i)
    addresses.push_back(builder.CreateConstInBoundsGEP1_64(builder.getInt64Ty(), array, i));
  return host.createArray(2, addresses);
}

FailureOr<llvm::Value *> CudaLaunchLowering::lower(plan::LaunchOp launch, HostLaunch &host) {
  llvm::IRBuilderBase &builder = host.Builder;
  const KernelCall &call = Table.getCall(launch);
  llvm::Value *geometry = emitGeometry(call, host), *arguments = emitArguments(call, host);
  llvm::Type *pointer = builder.getPtrTy();
  auto *type = llvm::FunctionType::get(builder.getInt32Ty(), {pointer, pointer, pointer}, false);
  return builder.CreateCall(type, Abi.loadFunction(builder, host.Call, HostFunction::Launch),
                            {host.Call, geometry, arguments});
}

std::unique_ptr<LaunchLowering> cuda::createCudaLaunchLowering(llvm::Module &module, const KernelTable &table) {
  return std::make_unique<CudaLaunchLowering>(module, table);
}
