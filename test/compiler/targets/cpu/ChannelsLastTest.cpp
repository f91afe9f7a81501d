// Convolutions and pooling of images with channels last against the reference.
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

struct Images {
  int64_t Channels, Outputs, WindowY, WindowX;
  std::string Strides, Pads, Dilations;
  int64_t Groups;
  std::string ResultY, ResultX; ///< over s1 and s2, the size of the images; s0 of them
  std::string Element = "f32";
};

std::string windowText(const Images &c) {
  return " strides " + c.Strides + " pads " + c.Pads + " dilations " + c.Dilations;
}

Port imagePort(int64_t channels, const std::string &y, const std::string &x, const std::string &element) {
  std::string c = std::to_string(channels);
  return {"tensor<?x?x?x" + c + "x" + element + ">", "s0, " + y + ", " + x + ", " + c};
}

std::vector<ImageRunner::Call> makeCalls(const std::vector<std::vector<int64_t>> &symbols) {
  std::vector<ImageRunner::Call> calls;
  for (const std::vector<int64_t> &values : symbols)
    calls.push_back({values, {}, {}, {}, {}});
  return calls;
}

TEST(CpuChannelsLast, ConvolutionsAgreeWithTheReference) {
  for (const Images &c : {Images{3, 20, 7, 7, "[2, 2]", "[3, 3, 3, 3]", "[1, 1]", 1, "(s1 - 1) floordiv 2 + 1",
                                 "(s2 - 1) floordiv 2 + 1"},
                          Images{64, 33, 1, 1, "[1, 1]", "[0, 0, 0, 0]", "[1, 1]", 1, "s1", "s2"},
                          Images{48, 160, 3, 3, "[1, 1]", "[1, 1, 1, 1]", "[1, 1]", 1, "s1", "s2"},
                          Images{5, 16, 2, 3, "[1, 1]", "[1, 4, 2, 0]", "[3, 2]", 1, "s1", "s2"},
                          Images{6, 9, 3, 3, "[1, 1]", "[1, 1, 1, 1]", "[1, 1]", 3, "s1", "s2"},
                          Images{8, 4, 1, 2, "[1, 2]", "[0, 1, 0, 1]", "[1, 2]", 4, "s1", "(s2 - 1) floordiv 2 + 1"},
                          Images{40, 24, 3, 3, "[1, 1]", "[1, 1, 1, 1]", "[1, 1]", 1, "s1", "s2", "f16"}}) {
    Port input = imagePort(c.Channels, "s1", "s2", c.Element),
         result = imagePort(c.Outputs, c.ResultY, c.ResultX, "f32");
    std::string dims = std::to_string(c.Groups) + ", " + std::to_string((c.Outputs / c.Groups + 15) / 16) + ", " +
                       std::to_string(c.WindowY * c.WindowX * c.Channels / c.Groups) + ", 16";
    std::string panels = "tensor<";
    for (char ch : dims)
      panels += ch == ',' ? "x" : ch == ' ' ? "" : std::string(1, ch);
    panels += "xf32>";
    LaunchText launch{3,
                      {input, {panels, dims}},
                      {result},
                      "%0 = lathe.panel_conv %a0, %a1 window [" + std::to_string(c.WindowY) + ", " +
                          std::to_string(c.WindowX) + "]" + windowText(c) + " groups " + std::to_string(c.Groups) +
                          " : " + input.Type + ", " + panels + " -> " + result.Type +
                          "\nlathe.yield %0 : " + result.Type};
    checkAgainstReference(launch, makeCalls({{1, 7, 8}, {3, 9, 5}, {1, 1, 1}, {2, 13, 14}}), 1e-5);
  }
}

TEST(CpuChannelsLast, DepthwiseConvolutionsAgreeWithTheReference) {
  for (const Images &c :
       {Images{64, 64, 3, 3, "[1, 1]", "[1, 1, 1, 1]", "[1, 1]", 1, "s1", "s2"},
        Images{130, 130, 3, 3, "[2, 1]", "[1, 1, 1, 1]", "[1, 1]", 1, "(s1 - 1) floordiv 2 + 1", "s2"},
        Images{7, 7, 1, 2, "[1, 1]", "[0, 2, 0, 1]", "[1, 3]", 1, "s1", "s2", "f16"}}) {
    Port input = imagePort(c.Channels, "s1", "s2", c.Element),
         result = imagePort(c.Channels, c.ResultY, c.ResultX, "f32");
    std::string y = std::to_string(c.WindowY), x = std::to_string(c.WindowX), channels = std::to_string(c.Channels);
    std::string filter = "tensor<" + y + "x" + x + "x" + channels + "xf32>";
    LaunchText launch{3,
                      {input, {filter, y + ", " + x + ", " + channels}},
                      {result},
                      "%0 = lathe.depthwise_conv %a0, %a1" + windowText(c) + " : " + input.Type + ", " + filter +
                          " -> " + result.Type + "\nlathe.yield %0 : " + result.Type};
    checkAgainstReference(launch, makeCalls({{1, 7, 8}, {3, 1, 5}, {2, 6, 2}}), 2e-6);
  }
}

TEST(CpuChannelsLast, MaxPoolingAgreesWithTheReference) {
  for (const Images &c : {Images{64, 64, 3, 3, "[2, 2]", "[1, 1, 1, 1]", "[1, 1]", 1, "(s1 - 1) floordiv 2 + 1",
                                 "(s2 - 1) floordiv 2 + 1"},
                          Images{130, 130, 2, 2, "[1, 1]", "[0, 1, 1, 0]", "[1, 1]", 1, "s1", "s2"},
                          Images{3, 3, 2, 1, "[1, 1]", "[1, 0, 1, 0]", "[2, 1]", 1, "s1", "s2", "f16"}}) {
    Port input = imagePort(c.Channels, "s1", "s2", c.Element),
         result = imagePort(c.Channels, c.ResultY, c.ResultX, c.Element);
    LaunchText launch{3,
                      {input},
                      {result},
                      "%0 = lathe.channel_max_pool %a0 window [" + std::to_string(c.WindowY) + ", " +
                          std::to_string(c.WindowX) + "]" + windowText(c) + " : " + input.Type + " -> " + result.Type +
                          "\nlathe.yield %0 : " + result.Type};
    checkAgainstReference(launch, makeCalls({{1, 7, 8}, {3, 2, 5}, {2, 6, 2}}), 0);
  }
}

TEST(CpuChannelsLast, GivesAnImageTheSameBitsAloneAndInABatch) {
  Port input = imagePort(20, "s1", "s2", "f32"), result = imagePort(40, "s1", "s2", "f32");
  ImageRunner runner(
      makePlan({3,
                {input, {"tensor<1x3x180x16xf32>", "1, 3, 180, 16"}},
                {result},
                "%0 = lathe.panel_conv %a0, %a1 window [3, 3] strides [1, 1] pads [1, 1, 1, 1] dilations "
                "[1, 1] groups 1 : " +
                    input.Type + ", tensor<1x3x180x16xf32> -> " + result.Type + "\nlathe.yield %0 : " + result.Type}));
  int64_t places = 9 * 11, images = 4;
  Bytes batch = toBytes(randomFloats(images * places * 20, 1)), panels = toBytes(randomFloats(3 * 180 * 16, 2));
  std::vector<ImageRunner::Call> all =
      runner.run({{images, 9, 11}, {batch, panels}, {Bytes(images * places * 160)}, {}, {}});
  for (int64_t image = 0; image < images; ++image) {
    Bytes one(batch.begin() + image * places * 80, batch.begin() + (image + 1) * places * 80);
    std::vector<ImageRunner::Call> alone = runner.run({{1, 9, 11}, {one, panels}, {Bytes(places * 160)}, {}, {}});
    for (size_t i = 0; i < all.size(); ++i)
      EXPECT_TRUE(std::equal(alone[i].Outputs[0].begin(), alone[i].Outputs[0].end(),
                             all[i].Outputs[0].begin() + image * places * 160))
          << runner.getImages()[i].first << " image " << image;
  }
}

} // namespace
