// out[q] = sum_s softmax_s(scale * query[q] . key[s] + mask[q, s]) * value[s] over keys that lie in tensors: attention
// of encoders and of decoders that are handed their cache. attention_tiles.cuh computes the same on tensor cores.
//
//   Attention<Element, Mask, Output>          batches of equal length, with or without a mask
//   RaggedAttention<Element, Output>          texts of a ragged batch, each among its own rows
//   Mask  float, Half or BFloat16; any where there is none
//
// A view says where row t of head h of batch b lies: b * Batch + h * Head + t * Token, elements of a row side by side.
// Query and result have Heads heads, key and value KvHeads; the mask broadcasts by strides of 0 (its last is MaskKey).
// Causal: query t sees keys up to t + S - T. A query that sees nothing gives zeros. Ragged: text s owns rows
// RowOffsets[s] to RowOffsets[s + 1]; rows of no text give zeros. A warp has one query: it scores 32 keys at once, a
// lane each, then all lanes gather the values. Softmax is online, in f32, in the order of the keys. Grid: ceil(queries
// / 4). Block: 128. Shared: 16 * 512 bytes: widths up to 512 each.
#ifndef LATHE_KERNELS_ATTENTION_CUH
#define LATHE_KERNELS_ATTENTION_CUH

#include "tiles.cuh"

namespace lathe::kernels {

struct AttentionView {
  int64_t Batch, Head, Token;
};

/// One warp's query over keys begin .. end-1.
template <class Element, class Output> struct QueryWarp {
  static constexpr int MaxWidth = 512, Parts = MaxWidth / 32;
  float Max = -Infinity, Sum = 0;
  float Values[Parts] = {};

  /// `query` is the row in shared memory; `bias(s)` is added to score s.
  template <class Bias>
  __device__ void run(const float *query, const Element *key, int64_t keyStep, const Element *value, int64_t valueStep,
                      int keyWidth, int valueWidth, int64_t begin, int64_t end, float scale, const Bias &bias) {
    int lane = threadIdx.x % 32;
    for (int64_t first = begin; first < end; first += 32) {
      int64_t s = first + lane;
      float score = -Infinity;
      if (s < end) {
        const Element *row = key + s * keyStep;
        float sum = 0;
        int whole = keyWidth / 8 * 8;
        for (int i = 0; i < whole; i += 8) {
          float k[8];
          loadVector(row, i, k);
#pragma unroll
          for (int e = 0; e < 8; ++e)
            sum += query[i + e] * k[e];
        }
        for (int i = whole; i < keyWidth; ++i)
          sum += query[i] * toValue(row[i]);
        score = sum * scale + bias(s);
      }
      // A NaN counts as more than all: of comparisons with one each lane would make something else.
      float top = score != score ? Infinity : score;
#pragma unroll
      for (int distance = 16; distance > 0; distance /= 2) {
        float other = __shfl_xor_sync(0xffffffffu, top, distance);
        top = top > other ? top : other;
      }
      top = top > Max ? top : Max;
      if (top == -Infinity) // nothing seen so far
        continue;
      float weight = score == -Infinity ? 0.0f : expf(score - top), rescale = Max == -Infinity ? 0.0f : expf(Max - top);
      Sum = Sum * rescale + sumLanes(weight);
      Max = top;
#pragma unroll
      for (int part = 0; part < Parts; ++part)
        Values[part] *= rescale;
      int count = int(smaller<int64_t>(end - first, 32));
      for (int j = 0; j < count; ++j) {
        float w = __shfl_sync(0xffffffffu, weight, j);
        const Element *row = value + (first + j) * valueStep;
#pragma unroll
        for (int part = 0; part < Parts; ++part)
          if (part * 32 + lane < valueWidth)
            Values[part] += w * toValue(row[part * 32 + lane]);
      }
    }
  }

  __device__ void store(Output *out, int valueWidth) const {
    int lane = threadIdx.x % 32;
    float scale = Sum > 0 ? 1.0f / Sum : 0.0f;
#pragma unroll
    for (int part = 0; part < Parts; ++part)
      if (part * 32 + lane < valueWidth)
        out[part * 32 + lane] = fromValue<Output>(Values[part] * scale);
  }
};

template <FloatElement Element, FloatElement MaskElement, class Output> struct AttentionParams {
  const Element *Query, *Key, *Value;
  const MaskElement *Mask; ///< null: none
  Output *Out;
  int64_t Batches, Heads, KvHeads, Tokens, Keys, KeyWidth, ValueWidth;
  AttentionView QueryView, KeyView, ValueView, MaskView, OutView;
  int64_t MaskKey;
  float Scale;
  bool Causal;
};

template <FloatElement Element, FloatElement MaskElement, class Output> struct Attention {
  static constexpr int Threads = 128, MinBlocks = 2, MaxWidth = 512, SharedBytes = Threads / 32 * MaxWidth * 4;
  using Params = AttentionParams<Element, MaskElement, Output>;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return ceilDiv<int64_t>(p.Batches * p.Heads * p.Tokens, Threads / 32);
  }

  static __device__ void run(const Params &p, int64_t tile, char *smem, NoBody) {
    int64_t index = tile * (Threads / 32) + threadIdx.x / 32;
    if (index >= p.Batches * p.Heads * p.Tokens)
      return;
    int64_t t = index % p.Tokens, h = index / p.Tokens % p.Heads, b = index / p.Tokens / p.Heads;
    int64_t g = h / (p.Heads / p.KvHeads);
    auto place = [&](const AttentionView &v, int64_t head, int64_t token) {
      return b * v.Batch + head * v.Head + token * v.Token;
    };
    float *query = reinterpret_cast<float *>(smem) + threadIdx.x / 32 * MaxWidth;
    for (int i = threadIdx.x % 32; i < int(p.KeyWidth); i += 32)
      query[i] = toValue(p.Query[place(p.QueryView, h, t) + i]);
    __syncwarp();
    const MaskElement *mask = p.Mask ? p.Mask + place(p.MaskView, h, t) : nullptr;
    int64_t end = p.Causal ? smaller<int64_t>(t + p.Keys - p.Tokens + 1, p.Keys) : p.Keys;
    QueryWarp<Element, Output> warp;
    warp.run(query, p.Key + place(p.KeyView, g, 0), p.KeyView.Token, p.Value + place(p.ValueView, g, 0),
             p.ValueView.Token, int(p.KeyWidth), int(p.ValueWidth), 0, end, p.Scale,
             [&](int64_t s) { return mask ? toValue(mask[s * p.MaskKey]) : 0.0f; });
    warp.store(p.Out + place(p.OutView, h, t), int(p.ValueWidth));
  }
};

template <FloatElement Element, class Output> struct RaggedAttentionParams {
  const Element *Query, *Key, *Value; ///< [Rows, Heads or KvHeads, KeyWidth or ValueWidth]
  const int32_t *RowOffsets;
  Output *Out;
  int64_t Rows, Texts, Heads, KvHeads, KeyWidth, ValueWidth;
  float Scale;
  bool Causal;
};

template <FloatElement Element, class Output> struct RaggedAttention {
  static constexpr int Threads = 128, MinBlocks = 2, MaxWidth = 512, SharedBytes = Threads / 32 * MaxWidth * 4;
  using Params = RaggedAttentionParams<Element, Output>;

  static __host__ __device__ int64_t tiles(const Params &p) { return ceilDiv<int64_t>(p.Rows * p.Heads, Threads / 32); }

  /// The text that owns a row, or Texts.
  static __device__ int64_t findText(const Params &p, int64_t row) {
    for (int64_t s = 0; s < p.Texts; ++s)
      if (row >= p.RowOffsets[s] && row < p.RowOffsets[s + 1])
        return s;
    return p.Texts;
  }

  static __device__ void run(const Params &p, int64_t tile, char *smem, NoBody) {
    int64_t index = tile * (Threads / 32) + threadIdx.x / 32;
    if (index >= p.Rows * p.Heads)
      return;
    int64_t row = index / p.Heads, h = index % p.Heads, g = h / (p.Heads / p.KvHeads), text = findText(p, row);
    float *query = reinterpret_cast<float *>(smem) + threadIdx.x / 32 * MaxWidth;
    for (int i = threadIdx.x % 32; i < int(p.KeyWidth); i += 32)
      query[i] = toValue(p.Query[index * p.KeyWidth + i]);
    __syncwarp();
    QueryWarp<Element, Output> warp;
    if (text < p.Texts)
      warp.run(query, p.Key + g * p.KeyWidth, p.KvHeads * p.KeyWidth, p.Value + g * p.ValueWidth,
               p.KvHeads * p.ValueWidth, int(p.KeyWidth), int(p.ValueWidth), p.RowOffsets[text],
               p.Causal ? row + 1 : int64_t(p.RowOffsets[text + 1]), p.Scale, [](int64_t) { return 0.0f; });
    warp.store(p.Out + index * p.ValueWidth, int(p.ValueWidth));
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_ATTENTION_CUH
