// The numerics check over compiled models and over imported ones.
#include "compiler/Verify.h"
#include "compiler/Dialects.h"
#include "compiler/Pipeline.h"
#include "frontends/gguf/GgufImporter.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace lathe;

namespace {

constexpr const char *Doubling = R"(
  func.func @forward(%x: tensor<?xf32> {lathe.name = "x", lathe.dims = ["n"]})
      -> (tensor<?xf32> {lathe.name = "y", lathe.dims = ["n"]})
      attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 8>]} {
    %0 = lathe.add %x, %x : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
    return %0 : tensor<?xf32>
  })";

class VerifyTest : public testing::Test {
protected:
  VerifyTest()
      : Context(makeRegistry()), Handler(&Context, [&](mlir::Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
            Errors += diagnostic.str() + "\n";
        }) {
    Context.loadAllAvailableDialects();
  }

  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  mlir::MLIRContext Context;
  std::string Errors;
  mlir::ScopedDiagnosticHandler Handler;
};

/// A compiled model that returns its input times `factor`.
NativeCall multiply(double factor) {
  return [=](llvm::StringRef, llvm::ArrayRef<ReferenceValue> arguments) {
    ReferenceValue result = arguments[0];
    for (int64_t i = 0, n = result.getNumElements(); i < n; ++i)
      result.setFloat(i, factor * arguments[0].getFloat(i));
    return llvm::FailureOr<std::vector<ReferenceValue>>(std::vector<ReferenceValue>{result});
  };
}

TEST_F(VerifyTest, CompiledModelAgrees) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(Doubling, &Context);
  NumericsCheck check;
  ASSERT_TRUE(succeeded(check.recordBaseline(*module)));
  EXPECT_TRUE(succeeded(check.checkNative(*module, multiply(2)))) << Errors;
}

TEST_F(VerifyTest, CompiledModelDiffers) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(Doubling, &Context);
  NumericsCheck check;
  ASSERT_TRUE(succeeded(check.recordBaseline(*module)));
  EXPECT_TRUE(failed(check.checkNative(*module, multiply(2.001))));
  EXPECT_EQ(Errors.find("phase 'codegen' changed the numbers: result 'y' of 'forward' (n = 1) differs by "), 0u)
      << Errors;
  EXPECT_TRUE(failed(check.getStatus()));
}

TEST_F(VerifyTest, CompiledModelDoesNotRun) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(Doubling, &Context);
  NumericsCheck check;
  ASSERT_TRUE(succeeded(check.recordBaseline(*module)));
  auto refuse = [](llvm::StringRef, llvm::ArrayRef<ReferenceValue>) {
    return llvm::FailureOr<std::vector<ReferenceValue>>(mlir::failure());
  };
  EXPECT_TRUE(failed(check.checkNative(*module, refuse)));
  EXPECT_EQ(Errors, "phase 'codegen': compiled 'forward' does not run (n = 1)\n");
}

TEST_F(VerifyTest, EachChosenCloneHasInputs) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    func.func @forward(%x: tensor<?x2xf32> {lathe.name = "x", lathe.dims = ["n", 2]})
        -> (tensor<?x2xf32> {lathe.name = "y", lathe.dims = ["n", 2]})
        attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 400>],
                    lathe.clone_ends = array<i64: 2, 40, 41, 399>} {
      %w = lathe.constant dense<[[2.0, 0.0], [0.0, 2.0]]> : tensor<2x2xf32>
      %0 = lathe.matmul %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
      return %0 : tensor<?x2xf32>
    })",
                                                        &Context);
  ASSERT_TRUE(module) << Errors;
  NumericsCheck check;
  ASSERT_TRUE(succeeded(check.recordBaseline(*module)));
  ASSERT_TRUE(succeeded(check.check(*module, "pass 'that chooses clones'"))) << Errors;
  std::vector<int64_t> rows;
  auto run = [&](llvm::StringRef entry, llvm::ArrayRef<ReferenceValue> arguments) {
    rows.push_back(arguments[0].getShape()[0]);
    return multiply(2)(entry, arguments);
  };
  ASSERT_TRUE(succeeded(check.checkNative(*module, run))) << Errors;
  int64_t least = 1;
  for (int64_t end : {2, 40, 41, 399, 400}) {
    EXPECT_EQ(llvm::count_if(rows, [&](int64_t count) { return count >= least && count <= end; }) > 0, true)
        << "no inputs for " << least << " to " << end;
    least = end + 1;
  }
  EXPECT_LE(rows.size(), 6u); // the baseline's two, and one for each clone that these do not serve
}

/// Every phase of every kind of activations leaves an imported model's numbers alone.
class ImportedModel : public VerifyTest, public testing::WithParamInterface<std::tuple<const char *, const char *>> {};

TEST_P(ImportedModel, KeepsItsNumbers) {
  auto [name, activations] = GetParam();
  std::string path = std::string(GOLDEN_DATA) + name + "/model.gguf";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << path << " is not there";
  GgufImportOptions import;
  import.dims["tokens"] = {1, 16};
  auto module = importGguf(Context, path, import);
  ASSERT_TRUE(succeeded(module)) << Errors;
  PipelineOptions options;
  options.activations = activations;
  NumericsCheck check;
  for (const Phase &phase : buildPhases(options)) {
    mlir::PassManager pm(&Context);
    phase.build(pm);
    check.addTo(pm, phase.name);
    ASSERT_TRUE(succeeded(pm.run(**module))) << Errors;
    ASSERT_TRUE(succeeded(check.getStatus())) << Errors;
    EXPECT_TRUE(succeeded(checkLegality(**module, phase.name))) << Errors;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, ImportedModel,
                         testing::Values(std::tuple("llama", "f32"), std::tuple("llama", "f16"),
                                         std::tuple("llama-bf16", "f16"), std::tuple("llama-bf16", "bf16"),
                                         std::tuple("llama-q4_k_m", "f32")),
                         [](const auto &info) {
                           std::string name = std::get<0>(info.param);
                           llvm::replace(name, '-', '_');
                           return name + "_" + std::get<1>(info.param);
                         });

} // namespace
