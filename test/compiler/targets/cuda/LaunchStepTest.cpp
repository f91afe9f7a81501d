// The steps that kernels are measured with: what attention finds in its integers.
#include "compiler/targets/cuda/LaunchStep.h"
#include "compiler/targets/cuda/KernelChoice.h"
#include "mlir/Parser/Parser.h"
#include <cstring>
#include <gtest/gtest.h>
#include <set>

using namespace lathe;
using namespace lathe::cuda;

namespace {

// Up to eight rows of four texts, whose positions stand in six pages; the cache has two layers.
const char Paged[] = R"mlir(
plan.program @forward "language_model" symbols [#lathe.symbol<"tokens", 2, TOKENS>, #lathe.symbol<"sequences", 1, 4>,
    #lathe.symbol<"offsets", 2, 5>, #lathe.symbol<"pages", 1, 6>]
    inputs [#plan.port<"q", "tensor", f32, ()[s0, s1, s2, s3] -> (s0, 2, 64)>,
            #plan.port<"k", "tensor", f32, ()[s0, s1, s2, s3] -> (s0, 1, 64)>,
            #plan.port<"positions", "tensor", i32, ()[s0, s1, s2, s3] -> (s0, 1)>,
            #plan.port<"slots", "tensor", i32, ()[s0, s1, s2, s3] -> (s0)>,
            #plan.port<"offsets", "tensor", i32, ()[s0, s1, s2, s3] -> (s2)>,
            #plan.port<"lengths", "tensor", i32, ()[s0, s1, s2, s3] -> (s1)>,
            #plan.port<"tables", "tensor", i32, ()[s0, s1, s2, s3] -> (s1, s3)>]
    outputs [#plan.port<"y", "tensor", f16, ()[s0, s1, s2, s3] -> (s0, 2, 64)>]
    states [#plan.port<"kv", "tensor", !lathe.state<paged, 2x1x128xf16>, ()[s0, s1, s2, s3] -> ()>] {
^bb0(%q: !plan.buffer, %k: !plan.buffer, %p: !plan.buffer, %s: !plan.buffer, %o: !plan.buffer, %l: !plan.buffer,
     %t: !plan.buffer, %y: !plan.buffer, %kv: !plan.buffer):
  plan.clone range [] arena affine_map<()[s0, s1, s2, s3] -> (0)> {
    plan.launch <"paged_attention", {variant = "few_rows"}, ""> ins(%q, %k, %p, %kv, %s, %o, %l, %t) outs(%kv, %y)
        shapes [affine_map<()[s0, s1, s2, s3] -> (s0, 2, 64)>, affine_map<()[s0, s1, s2, s3] -> (s0, 1, 64)>,
                affine_map<()[s0, s1, s2, s3] -> (s0, 1)>, affine_map<()[s0, s1, s2, s3] -> ()>,
                affine_map<()[s0, s1, s2, s3] -> (s0)>, affine_map<()[s0, s1, s2, s3] -> (s2)>,
                affine_map<()[s0, s1, s2, s3] -> (s1)>, affine_map<()[s0, s1, s2, s3] -> (s1, s3)>,
                affine_map<()[s0, s1, s2, s3] -> ()>, affine_map<()[s0, s1, s2, s3] -> (s0, 2, 64)>] {
    ^bb0(%a0: tensor<?x2x64xf32>, %a1: tensor<?x1x64xf32>, %a2: tensor<?x1xi32>, %a3: !lathe.state<paged, 2x1x128xf16>,
         %a4: tensor<?xi32>, %a5: tensor<?xi32>, %a6: tensor<?xi32>, %a7: tensor<?x?xi32>):
      %0 = lathe.rope %a1, %a2 halves base 1.0e+04 dimensions 64 : tensor<?x1x64xf32>, tensor<?x1xi32>
      %1 = lathe.append_kv %0, %a1, %a3, %a4 layer 1 :
          tensor<?x1x64xf32>, tensor<?x1x64xf32>, <paged, 2x1x128xf16>, tensor<?xi32>
      %2 = lathe.rope %a0, %a2 halves base 1.0e+04 dimensions 64 : tensor<?x2x64xf32>, tensor<?x1xi32>
      %3 = lathe.cast %2 : tensor<?x2x64xf32> -> tensor<?x2x64xf16>
      %4 = lathe.paged_attention %3, %1, %a5, %a6, %a7 layer 1 scale 0.125 : tensor<?x2x64xf16>,
          <paged, 2x1x128xf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x2x64xf16>
      lathe.yield %1, %4 : !lathe.state<paged, 2x1x128xf16>, tensor<?x2x64xf16>
    }
  }
}
)mlir";

// Rows of a table by numbers that nothing is known of.
const char Rows[] = R"mlir(
plan.program @forward "tensor" symbols [#lathe.symbol<"n", 1, 16>]
    inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (8, 4)>, #plan.port<"i", "tensor", i32, ()[s0] -> (s0)>]
    outputs [#plan.port<"y", "tensor", f32, ()[s0] -> (s0, 4)>] states [] {
^bb0(%x: !plan.buffer, %i: !plan.buffer, %y: !plan.buffer):
  plan.clone range [] arena affine_map<()[s0] -> (0)> {
    plan.launch <"gather", {}, ""> ins(%x, %i) outs(%y)
        shapes [affine_map<()[s0] -> (8, 4)>, affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0, 4)>] {
    ^bb0(%a0: tensor<8x4xf32>, %a1: tensor<?xi32>):
      %0 = lathe.gather %a0, %a1 : tensor<8x4xf32>, tensor<?xi32> -> tensor<?x4xf32>
      lathe.yield %0 : tensor<?x4xf32>
    }
  }
}
)mlir";

constexpr int64_t PageBytes = 2 * 16 * 128 * 2; // of both layers

class LaunchStepTest : public testing::Test {
protected:
  LaunchStepTest() { Context.loadDialect<LatheDialect, plan::PlanDialect>(); }

  /// The step of a plan's launch, with the greatest number of tokens for TOKENS.
  LaunchStep read(std::string text, const std::string &tokens = "8") {
    if (size_t at = text.find("TOKENS"); at != std::string::npos)
      text.replace(at, 6, tokens);
    Module = mlir::parseSourceString<mlir::ModuleOp>(text, &Context);
    Module->walk([&](plan::LaunchOp launch) { Launch = launch; });
    auto parts = LaunchBody::analyze(Launch, HopperTarget, Chooser);
    return LaunchStep(parts->front());
  }

  /// The numbers of an input, one list for each buffer.
  std::vector<std::vector<int32_t>> getNumbers(const LaunchStep &step, unsigned input) {
    std::vector<std::vector<int32_t>> lists;
    for (const std::string &bytes : step.getContents(Launch->getRegion(0).getArgument(input))) {
      lists.emplace_back(bytes.size() / 4);
      std::memcpy(lists.back().data(), bytes.data(), bytes.size());
    }
    return lists;
  }

  mlir::MLIRContext Context;
  mlir::OwningOpRef<mlir::ModuleOp> Module;
  plan::LaunchOp Launch;
  KernelChooser Chooser;
};

TEST_F(LaunchStepTest, TextsAreLongAndTheirPagesDistinct) {
  LaunchStep step = read(Paged);
  ASSERT_TRUE(step.fill(int64_t(1) << 30));
  EXPECT_EQ(getNumbers(step, 5), (std::vector<std::vector<int32_t>>{{0, 2, 4, 6, 8}}));
  EXPECT_EQ(getNumbers(step, 6), (std::vector<std::vector<int32_t>>{{96, 96, 96, 96}}));
  EXPECT_EQ(getNumbers(step, 2), (std::vector<std::vector<int32_t>>{{94, 95, 94, 95, 94, 95, 94, 95}}));
  std::vector<std::vector<int32_t>> tables = getNumbers(step, 7), slots = getNumbers(step, 4);
  // Each launch reads 98,304 bytes of a layer. So many launches as there may be read other ones.
  EXPECT_EQ(step.getLayers(), 2);
  EXPECT_EQ(step.getLaunches(), 96);
  ASSERT_EQ(tables.size(), 16u);
  ASSERT_EQ(slots.size(), tables.size());
  std::set<int32_t> pages;
  for (size_t copy = 0; copy < tables.size(); ++copy) {
    ASSERT_EQ(tables[copy].size(), 24u);
    pages.insert(tables[copy].begin(), tables[copy].end());
    for (int32_t text = 0; text < 4; ++text) {
      int32_t last = tables[copy][text * 6 + 5] * 16;
      EXPECT_EQ(slots[copy][text * 2], last + 14);
      EXPECT_EQ(slots[copy][text * 2 + 1], last + 15);
    }
  }
  EXPECT_EQ(pages.size(), 16u * 24);
  EXPECT_EQ(*pages.rbegin(), 16 * 24 - 1);
  EXPECT_EQ(step.countBytes(Launch->getRegion(0).getArgument(3)), 16 * 24 * PageBytes);
  EXPECT_EQ(step.countBytes(Launch->getRegion(0).getArgument(7)), 24 * 4);
}

TEST_F(LaunchStepTest, PagesRepeatWhereMemoryIsShort) {
  LaunchStep step = read(Paged);
  ASSERT_TRUE(step.fill(10 * PageBytes + 5));
  EXPECT_EQ(step.countBytes(Launch->getRegion(0).getArgument(3)), 10 * PageBytes);
  std::vector<std::vector<int32_t>> tables = getNumbers(step, 7);
  ASSERT_EQ(tables.size(), 1u);
  std::set<int32_t> pages(tables[0].begin(), tables[0].end());
  EXPECT_EQ(pages.size(), 10u);
  EXPECT_EQ(*pages.rbegin(), 9);
}

TEST_F(LaunchStepTest, ManyTokensAreOfTextsThatHaveRoomForThem) {
  EXPECT_EQ(read(Paged, "4").getSizes().size(), 4u);
  LaunchStep step = read(Paged, "300");
  ASSERT_TRUE(step.fill(1 << 20));
  EXPECT_EQ(getNumbers(step, 5), (std::vector<std::vector<int32_t>>{{0, 75, 150, 225, 300}}));
  // More than there is room for: positions begin at 0.
  step = read(Paged, "400");
  ASSERT_TRUE(step.fill(1 << 20));
  std::vector<int32_t> positions = getNumbers(step, 2)[0];
  EXPECT_EQ(positions.front(), 0);
  EXPECT_EQ(positions.back(), 95);
}

TEST_F(LaunchStepTest, UnknownNumbersAreNotMadeUp) {
  LaunchStep step = read(Rows);
  EXPECT_FALSE(step.fill(1 << 20));
  EXPECT_EQ(step.getLayers(), 0);
  EXPECT_EQ(step.countBytes(Launch->getRegion(0).getArgument(1)), 16 * 4);
}

} // namespace
