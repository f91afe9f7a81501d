// The host code of a CUDA program, run against a table of functions that writes down what it is asked to start.
#include "compiler/targets/HostImage.h"
#include "compiler/targets/cuda/CudaLaunchLowering.h"
#include "compiler/targets/cuda/NvJitLink.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>
#include <sys/mman.h>

using namespace lathe;
using namespace lathe::cuda;

namespace {

// y = silu(x w^T) for 64 columns by 10 rows of weights.
const char Plan[] = R"mlir(
plan.data @w "w" offset 256 : tensor<10x64xf32> {
  %0 = lathe.weight "w" file 0 offset 0 bytes 2560 : tensor<10x64xf32>
  lathe.yield %0 : tensor<10x64xf32>
}
plan.program @forward "tensor" symbols [#lathe.symbol<"n", 1, 1000>]
    inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0, 64)>]
    outputs [#plan.port<"y", "tensor", f32, ()[s0] -> (s0, 10)>] states [] {
^bb0(%x: !plan.buffer, %y: !plan.buffer):
  plan.clone range [] arena affine_map<()[s0] -> (s0 * 40 + 256)> {
    %w = plan.address @w
    %t = plan.buffer at affine_map<()[s0] -> (256)> bytes affine_map<()[s0] -> (s0 * 40)>
    plan.launch <"matmul", {variant = "simt"}, ""> ins(%x, %w) outs(%t)
        shapes [affine_map<()[s0] -> (s0, 64)>, affine_map<()[s0] -> (10, 64)>, affine_map<()[s0] -> (s0, 10)>] {
    ^bb0(%a0: tensor<?x64xf32>, %a1: tensor<10x64xf32>):
      %0 = lathe.matmul %a0, %a1 transpose_rhs : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
      lathe.yield %0 : tensor<?x10xf32>
    }
    plan.launch <"elementwise", {}, ""> ins(%t) outs(%y)
        shapes [affine_map<()[s0] -> (s0, 10)>, affine_map<()[s0] -> (s0, 10)>] {
    ^bb0(%a0: tensor<?x10xf32>):
      %0 = lathe.silu %a0 : tensor<?x10xf32>
      lathe.yield %0 : tensor<?x10xf32>
    }
  }
}
)mlir";

// On GPUs that have clusters one of eight blocks takes a row.
const char LongRows[] = R"mlir(
plan.program @forward "tensor" symbols [#lathe.symbol<"n", 0, 16>]
    inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0, 32768)>]
    outputs [#plan.port<"y", "tensor", i64, ()[s0] -> (s0)>] states [] {
^bb0(%x: !plan.buffer, %y: !plan.buffer):
  plan.clone range [] arena affine_map<()[s0] -> (0)> {
    plan.launch <"arg_max", {}, ""> ins(%x) outs(%y)
        shapes [affine_map<()[s0] -> (s0, 32768)>, affine_map<()[s0] -> (s0)>] {
    ^bb0(%a0: tensor<?x32768xf32>):
      %0 = lathe.arg_max %a0 axis 1 : tensor<?x32768xf32> -> tensor<?xi64>
      lathe.yield %0 : tensor<?xi64>
    }
  }
}
)mlir";

struct Start {
  runtime::CudaLaunch Geometry;
  std::vector<uint64_t> Arguments;
};

/// What the call's `context` points at.
struct Record {
  std::vector<size_t> ArgumentCounts; ///< of each launch
  std::vector<Start> Starts;
  int32_t Result = 0;
};

int32_t recordLaunch(const runtime::HostCall *call, const runtime::CudaLaunch *launch, void *const *arguments) {
  auto &record = *static_cast<Record *>(call->context);
  Start start{*launch, {}};
  for (size_t i = 0; i < record.ArgumentCounts[record.Starts.size()]; ++i)
    start.Arguments.push_back(*static_cast<uint64_t *>(arguments[i]));
  record.Starts.push_back(start);
  return record.Result;
}

class CudaHost : public testing::Test {
protected:
  explicit CudaHost(const char *plan = Plan, std::vector<size_t> argumentCounts = {4, 3})
      : Source(plan), ArgumentCounts(std::move(argumentCounts)) {}

  void SetUp() override {
    mlir::DialectRegistry registry;
    registry.insert<LatheDialect, plan::PlanDialect>();
    mlir::MLIRContext context(registry);
    auto module = mlir::parseSourceString<mlir::ModuleOp>(Source, &context);
    ASSERT_TRUE(module);
    KernelTable table;
    module->walk([&](plan::LaunchOp launch) { ASSERT_TRUE(succeeded(table.add(launch))); });
    auto images = buildHostImages(*module, {.Levels = {"x86-64-v3"}, .KeepLlvmIr = false},
                                  [&](llvm::Module &llvm) { return createCudaLaunchLowering(llvm, table); });
    ASSERT_TRUE(succeeded(images));
    Entry = images->front().Entries.front();
    Bytes = images->front().Bytes.size();
    Image = static_cast<char *>(mmap(nullptr, Bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::memcpy(Image, images->front().Bytes.data(), Bytes);
    mprotect(Image, Bytes, PROT_READ | PROT_EXEC);
  }
  void TearDown() override { munmap(Image, Bytes); }

  int32_t run(int64_t n, Record &record, int64_t target = 0) {
    runtime::HostApi api{};
    api.launch = recordLaunch;
    api.explain = [](const runtime::HostCall *, int32_t, const char *, int64_t, int64_t, int64_t) {};
    void *inputs[] = {X}, *outputs[] = {Y};
    runtime::HostCall call{&api, &record, &n, inputs, outputs, nullptr, Weights, Arena, target, nullptr};
    record.ArgumentCounts = ArgumentCounts;
    return reinterpret_cast<runtime::HostEntryFunction>(Image + Entry.Run)(&call);
  }

  static uint64_t address(const void *pointer) { return reinterpret_cast<uint64_t>(pointer); }

  const char *Source;
  std::vector<size_t> ArgumentCounts; ///< of each launch: its pointers, then n
  HostEntry Entry;
  char *Image = nullptr;
  size_t Bytes = 0;
  // Addresses alone: host code of a CUDA program touches no tensor.
  unsigned char X[1], Y[1], Weights[1], Arena[1];
};

TEST_F(CudaHost, GeometryFollowsFromTheSizes) {
  for (int64_t n : {1, 64, 65, 1000}) {
    Record record;
    ASSERT_EQ(run(n, record), 0);
    ASSERT_EQ(record.Starts.size(), 2u);
    const runtime::CudaLaunch &product = record.Starts[0].Geometry, &silu = record.Starts[1].Geometry;
    EXPECT_EQ(product.kernel, 0u);
    EXPECT_EQ(product.grid[0], (n + 63) / 64);
    EXPECT_EQ(product.grid[1] * product.grid[2] * product.block[1] * product.block[2], 1u);
    EXPECT_EQ(product.block[0], 256u);
    EXPECT_EQ(product.sharedBytes, 8704u);
    EXPECT_EQ(silu.kernel, 1u);
    EXPECT_EQ(silu.grid[0], (n * 10 + 1023) / 1024);
    EXPECT_EQ(silu.sharedBytes, 0u);
  }
}

TEST_F(CudaHost, ArgumentsAreAddressesThenSizes) {
  Record record;
  ASSERT_EQ(run(7, record), 0);
  ASSERT_EQ(record.Starts.size(), 2u);
  EXPECT_EQ(record.Starts[0].Arguments,
            (std::vector<uint64_t>{address(X), address(Weights) + 256, address(Arena) + 256, 7}));
  EXPECT_EQ(record.Starts[1].Arguments, (std::vector<uint64_t>{address(Arena) + 256, address(Y), 7}));
}

TEST_F(CudaHost, AFailedLaunchEndsTheCall) {
  Record record;
  record.Result = 42;
  EXPECT_EQ(run(7, record), 42);
  EXPECT_EQ(record.Starts.size(), 1u);
}

class CudaClusters : public CudaHost {
protected:
  CudaClusters() : CudaHost(LongRows, {3}) {}
};

TEST_F(CudaClusters, NoTilesAreStillAWholeCluster) {
  for (int64_t n : {0, 1, 16})
    for (unsigned target : {PortableTarget, HopperTarget}) {
      Record record;
      ASSERT_EQ(run(n, record, target), 0);
      ASSERT_EQ(record.Starts.size(), 1u);
      EXPECT_EQ(record.Starts[0].Geometry.grid[0], std::max<int64_t>(n, 1) * (target == HopperTarget ? 8 : 1));
    }
}

TEST(NvJitLink, ReadsWhatTheAssemblerSays) {
  auto kernels = parseResources("ptxas info    : Compiling entry function 'a' for 'sm_90a'\n"
                                "ptxas info    : Function properties for a\n"
                                "ptxas         .     16 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads\n"
                                "ptxas info    : Used 80 registers, used 1 barriers, 16 bytes cumulative stack size\n"
                                "ptxas info    : Compiling entry function 'b' for 'sm_90a'\n"
                                "ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
                                "ptxas info    : Used 24 registers, used 1 barriers, 2048 bytes smem\n"
                                "info    : Function properties for 'a':\n"
                                "info    : used 80 registers, used 1 barriers, 0 stack, 1024 bytes smem\n");
  ASSERT_EQ(kernels.size(), 2u);
  EXPECT_EQ(kernels["a"].Registers, 80);
  EXPECT_EQ(kernels["a"].StackBytes, 16);
  EXPECT_EQ(kernels["a"].StaticSharedBytes, 0);
  EXPECT_EQ(kernels["b"].Registers, 24);
  EXPECT_EQ(kernels["b"].StackBytes, 0);
  EXPECT_EQ(kernels["b"].StaticSharedBytes, 2048);
}

} // namespace
