// What the ledger says of tensors without errors, with values that are not finite, and without elements.
#include "compiler/QuantizationLedger.h"
#include "compiler/Dialects.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace lathe;

namespace {

class QuantizationLedgerTest : public testing::Test {
protected:
  QuantizationLedgerTest() : Context(makeRegistry()) {
    Context.loadAllAvailableDialects();
    Module = mlir::parseSourceString<mlir::ModuleOp>(R"(func.func @f() {
      %a = lathe.weight "a" file 0 offset 0 bytes 128 : tensor<1x32xf32>
      %b = lathe.weight "b" file 0 offset 0 bytes 64 : tensor<1x32xbf16>
      %0 = lathe.quantize %a : tensor<1x32xf32> -> tensor<1x32x!lathe.gguf<q8_0>>
      %1 = lathe.quantize %b : tensor<1x32xbf16> -> tensor<1x32x!lathe.gguf<q4_0>>
      return
    })",
                                                     &Context);
    Module->walk([&](QuantizeOp op) { Ops.push_back(op); });
  }

  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  mlir::MLIRContext Context;
  mlir::OwningOpRef<mlir::ModuleOp> Module;
  std::vector<QuantizeOp> Ops;
  QuantizationLedger Ledger;
};

TEST_F(QuantizationLedgerTest, PiecesOfATensorAddUp) {
  ASSERT_EQ(Ops.size(), 2u);
  QuantizationLedger::Page &page = Ledger.addPage();
  page.add(Ops[1], {3, 4}, {3, 4.5f});
  page.add(Ops[1], {0}, {-1});
  // The same tensor in another program counts once.
  Ledger.addPage().add(Ops[1], {3}, {3});
  auto list = Ledger.describe();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["name"], "b");
  EXPECT_EQ(list[0]["from"], "bf16");
  EXPECT_EQ(list[0]["format"], "q4_0");
  EXPECT_EQ(list[0]["bits"], 4.5);
  EXPECT_DOUBLE_EQ(list[0]["mse"], 1.25 / 3);
  EXPECT_DOUBLE_EQ(list[0]["relative_error"], std::sqrt(1.25 / 25));
  EXPECT_EQ(list[0]["max_error"], 1.0);
  EXPECT_FALSE(list[0].contains("not_finite"));
}

TEST_F(QuantizationLedgerTest, SlicesOfAWeightAddUp) {
  QuantizationLedger::Page &first = Ledger.addPage();
  first.add(Ops[1], {3, 4}, {3, 4.5f});
  Ledger.addPage(&first).add(Ops[1], {0}, {-1});
  auto list = Ledger.describe();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_DOUBLE_EQ(list[0]["mse"], 1.25 / 3);
}

TEST_F(QuantizationLedgerTest, EveryNumberIsOne) {
  QuantizationLedger::Page &page = Ledger.addPage();
  page.add(Ops[0], {0, INFINITY, 0}, {0, NAN, 0.5f});
  page.add(Ops[1], {}, {});
  auto list = Ledger.describe();
  ASSERT_EQ(list.size(), 1u) << "what has no elements has no error";
  EXPECT_EQ(list[0]["not_finite"], 1);
  EXPECT_DOUBLE_EQ(list[0]["mse"], 0.125);
  EXPECT_EQ(list[0]["relative_error"], 0.0) << "of values that are all zero";
}

} // namespace
