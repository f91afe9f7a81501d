// Matrix products and convolutions.

def Lathe_MatmulOp : Lathe_ModelOp<"matmul", [Lathe_HasRule]> {
  let summary = "Matrix product";
  let description = [{
    `result[m, n] = sum_k lhs[m, k] * rhs[k, n]`, or `rhs[n, k]` with `transpose_rhs`, which is how linear layers keep their
    weights. The sum accumulates in f32 (in the reference: f64) whatever the element types. Quantized blocks run along
    k, so they need `transpose_rhs`. Dimensions in front of the last two number the matrices of a batch and broadcast as
    NumPy's do.
    Constraints:
    * (C1) `lhs` and `rhs` have rank 2 or more, and `result` has the larger of their ranks.
    * (C2) The lengths of k agree, and so do m and n with the result.
    * (C3) `rhs` has the element type of `lhs`, or is f16 or bf16 where `lhs` is f32 (it widens exactly), or is quantized and
      `transpose_rhs` is set.
    * (C4) The batch dimensions broadcast to those of the result; quantized blocks have none.
    Example:
    ```mlir
    %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf16>, tensor<32x64xf16> -> tensor<?x32xf32>
    ```
  }];
  let arguments = (ins Lathe_ProductTensor:$lhs, Lathe_ProductWeightTensor:$rhs, UnitAttr:$transpose_rhs);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`transpose_rhs` $transpose_rhs^)? attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_ExpertMatmulOp : Lathe_ModelOp<"expert_matmul", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Products of rows with matrices that each row chooses";
  let description = [{
    `result[t, j, n] = sum_k input[t, j, k] * weights[experts[t, j], n, k]`, accumulated in f32 (in the reference: f64): row t
    meets the matrices of J experts (Shazeer et al., 2017). An input `[T, 1, K]` meets each of them with the same row. An
    expert that does not exist gives zeros.
    Constraints:
    * (C1) `input` and `result` have rank 3, `experts` 2, `weights` 3, quantized with blocks along k or not, or 4: what
      `lathe.pack_tiles` makes of all matrices one below the other, in the 16-bit type of `input`, of known n in whole 64s.
    * (C2) The lengths of k agree, n is that of `weights`, and `result` has the rows and columns of `experts`.
    * (C3) `input` has the rows of `experts`, and 1 or as many rows of k for each as `experts` has columns.
    Example:
    ```mlir
    %y = lathe.expert_matmul %x, %w, %e :
        tensor<?x1x64xf32>, tensor<8x32x64xf32>, tensor<?x2xi64> -> tensor<?x2x32xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, Lathe_WeightTensor:$weights, Lathe_IndexTensor:$experts);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weights `,` $experts attr-dict `:` type($input) `,` type($weights) `,` type($experts) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_ConvOp : Lathe_ModelOp<"conv", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Convolution of images";
  let description = [{
    `result[b, o, y, x] = sum_{c, i, j} input[b, c, y * stride + i * dilation - pad, ...] * filter[o, c, i, j]`, zero outside
    of the image, accumulated in f32. Images are `[B, C, Y, X]`, filters `[O, C / groups, I, J]`; `pads` are top, left,
    bottom, right (ONNX's order).
    Constraints:
    * (C1) `input`, `filter` and `result` have rank 4 and one element type, but `result` may be f32.
    * (C2) `strides` and `dilations` have 2 positive entries, `pads` 4 that are not negative.
    * (C3) `groups` divides the channels of input and result, and the filter has C / groups channels.
    * (C4) The result's spatial sizes are `(size + pads - dilation * (filter - 1) - 1) / stride + 1`.
    Example:
    ```mlir
    %y = lathe.conv %x, %f strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
        tensor<?x1x8x8xf32>, tensor<8x1x3x3xf32> -> tensor<?x8x8x8xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, Lathe_FloatTensor:$filter, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations, I64Attr:$groups);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $filter `strides` $strides `pads` $pads `dilations` $dilations `groups` $groups attr-dict `:`
    type($input) `,` type($filter) `->` type($result)
  }];
  let hasVerifier = 1;
}

// Products in the form that the CPU's kernels read: weights in panels of 16 columns. Passes make them when kernels are
// formed; no importer does.

def Lathe_PackColumnsOp : Lathe_ModelOp<"pack_columns", [Lathe_NotDifferentiable]> {
  let summary = "Put 16 columns of a matrix side by side for each row";
  let description = [{
    `result[..., p, k, j] = input[..., k, 16 p + j]`, or `input[..., 16 p + j, k]` with `transposed`, and 0 behind the last
    column.
    Constraints:
    * (C1) `input` has rank 2 or more, `result` one dimension more, and they have one element type.
    * (C2) The leading dimensions and k agree, the panels hold the columns, and the last dimension of `result` is 16.
    Example:
    ```mlir
    %p = lathe.pack_columns %w transposed : tensor<40x64xf32> -> tensor<3x64x16xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, UnitAttr:$transposed);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input (`transposed` $transposed^)? attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = "static constexpr int64_t Columns = 16;";
}

def Lathe_PackBlocksOp : Lathe_ModelOp<"pack_blocks", [Lathe_NotDifferentiable]> {
  let summary = "Put the blocks of 16 rows into panels or tiles";
  let description = [{
    `result` has the rows of `input` and their values, as blocks of 16 rows; behind the last row and column there are zeros.
    Blocks of `!lathe.blocked` become those one row high that CUDA's kernels read (`dialects/lathe/RowBlocks.h`), or blocks of
    a GGUF format that hold the same values, but for what `lathe.row_scales` gives (`dialects/lathe/GgufBlocks.h`), or, of
    codes of f8E4M3FN with one scale for a row, these.
    Constraints:
    * (C1) `input` is a matrix of blocks of a GGUF format that has panels or tiles, and `result` one of these of this format.
    * (C2) `result` has as many rows, rounded up to 16, and as many columns, of tiles rounded up to those of a tile.
    * (C3) Of a blocked type, `result` has the shape of `input` and its type of row blocks, which is another one, or its GGUF
      format, or f8E4M3FN where `lathe.row_scales` gives all of its scales.
    Example:
    ```mlir
    %p = lathe.pack_blocks %w : tensor<40x256x!lathe.gguf<q4_k>> -> tensor<48x256x!lathe.gguf_panels<q4_k>>
    ```
  }];
  let arguments = (ins Lathe_QuantizedTensor:$input);
  let results = (outs Lathe_PackedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_RowScalesOp : Lathe_ModelOp<"row_scales", [Lathe_NotDifferentiable]> {
  let summary = "What all values of a row are multiplied with, where its blocks become those of a GGUF format";
  let description = [{
    `input[n, k] = w[n, k] * result[n]`, where w are the values of what `lathe.pack_blocks` makes of `input` for a GGUF format:
    the scale of blocks that are whole rows, times the outer scale. Of blocks of f8E4M3FN w are the codes.
    Constraints:
    * (C1) `input` is a matrix of a blocked type that has a GGUF format, with a factor (`dialects/lathe/GgufBlocks.h`), or
      codes of f8E4M3FN with one f32 scale, and nothing else, for each row or for all.
    * (C2) `result` is f32 and has one number for each row of `input`.
    Example:
    ```mlir
    %s = lathe.row_scales %w : tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
        -> tensor<40xf32>
    ```
  }];
  let arguments = (ins Lathe_QuantizedTensor:$input);
  let results = (outs 1DTensorOf<[F32]>:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_Int8MatmulOp : Lathe_ModelOp<"int8_matmul", [Lathe_NotDifferentiable]> {
  let summary = "Matrix product of rows that are rounded to 8 bits and weights in blocks";
  let description = [{
    `result[..., n] = sum_k r(lhs)[..., k] * rhs[n, k]`, accumulated in f32 (in the reference: f64). r rounds each 32 elements
    x of a row that begin at a multiple of 32: with m the largest |x|, r(x) = m/127 * round(x * (127/m)), each of these
    operations in f32, ties to even; r(x) = 0 where m is below 2^-100. Products of codes are sums of integers.
    Constraints:
    * (C1) `lhs` and `result` have one rank of 1 or more, `rhs` is a matrix of GGUF blocks or of panels of them.
    * (C2) The lengths of k agree and are a multiple of 32, so do the dimensions before n.
    * (C3) n is known, and `rhs` has n rows; as panels n rounded up to 16.
    Example:
    ```mlir
    %y = lathe.int8_matmul %x, %w : tensor<?x256xf32>, tensor<48x256x!lathe.gguf_panels<q4_k>> -> tensor<?x40xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$lhs, Lathe_QuantizedTensor:$rhs);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Elements of a row that are rounded together.
    static constexpr int64_t Group = 32;
  }];
}

def Lathe_PanelMatmulOp : Lathe_ModelOp<"panel_matmul", [Lathe_NotDifferentiable]> {
  let summary = "Matrix product with weights in panels";
  let description = [{
    `result[..., n] = sum_k lhs[..., k] * panels[n / 16, k, n mod 16]`, accumulated in f32: `lathe.matmul` with a right
    operand that `lathe.pack_columns` has packed.
    Constraints:
    * (C1) `lhs` and `result` have one rank of 1 or more, `panels` rank 3.
    * (C2) The lengths of k agree, so do the dimensions before n, and the last dimension of `panels` is 16.
    * (C3) n is known, and `panels` has n / 16 panels, rounded up.
    Example:
    ```mlir
    %y = lathe.panel_matmul %x, %p : tensor<?x64xf32>, tensor<3x64x16xf32> -> tensor<?x40xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$lhs, Lathe_FloatTensor:$panels);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$lhs `,` $panels attr-dict `:` type($lhs) `,` type($panels) `->` type($result)";
  let hasVerifier = 1;
}

// Products in the form that CUDA's kernels read: weights in tiles. PackProducts makes them.

def Lathe_PackTilesOp : Lathe_ModelOp<"pack_tiles", [Lathe_NotDifferentiable]> {
  let summary = "Cut a matrix into tiles of 64 rows as tensor cores read them";
  let description = [{
    `result[n, k, r, 8 (c xor (r mod 8)) + i] = input[64 n + r, 64 k + 8 c + i]`, and 0 behind the last row and column; of f32
    4 and 32 for 8 and 64, rounded to tf32, ties away from zero; of f8E4M3FN 16 and 128. The authority is `runtime/gguf/MatrixTiles.h`.
    Constraints:
    * (C1) `input` is a matrix of f8E4M3FN, f16, bf16 or f32, `result` has rank 4 and the same element type.
    * (C2) `result` has the tiles that hold the rows and the columns; its last dimensions are 64 and 64, or 32 of f32, or
      128 of f8E4M3FN.
    Example:
    ```mlir
    %p = lathe.pack_tiles %w : tensor<40x192xf16> -> tensor<1x3x64x64xf16>
    ```
  }];
  let arguments = (ins Lathe_ProductTensor:$input);
  let results = (outs Lathe_ProductTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = "static constexpr int64_t Size = 64;";
}

def Lathe_TileMatmulOp : Lathe_ModelOp<"tile_matmul", [Lathe_NotDifferentiable]> {
  let summary = "Matrix product with weights in tiles";
  let description = [{
    `result[..., n] = sum_k lhs[..., k] * w[n, k]`, accumulated in f32 (in the reference: f64), where `rhs` is w as
    `lathe.pack_tiles` or `lathe.pack_blocks` has packed it.
    Constraints:
    * (C1) `lhs` and `result` have one rank of 1 or more, and `lhs` is f8E4M3FN, f16, bf16, or f32, of which kernels round to
      tf32.
    * (C2) `rhs` is a matrix of tiles of GGUF blocks and `lhs` of 16 bits, or it has rank 4, tiles of 64 rows, and `lhs`' type.
    * (C3) n and k are known, and `rhs` has the tiles that hold n rows and k columns; the dimensions before n agree.
    Example:
    ```mlir
    %y = lathe.tile_matmul %x, %w : tensor<?x192xf16>, tensor<1x3x64x64xf16> -> tensor<?x40xf32>
    ```
  }];
  let arguments = (ins Lathe_ProductTensor:$lhs, Lathe_ProductWeightTensor:$rhs);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_UnpackTilesOp : Lathe_ModelOp<"unpack_tiles", [Lathe_NotDifferentiable]> {
  let summary = "The values of blocks, in tiles of 64 x 64";
  let description = [{
    `result` is what `lathe.pack_tiles` makes of the values of `input`, rounded to its element type. Products of many rows
    read it: they would take blocks apart once for each tile of their rows.
    Constraints:
    * (C1) `input` is a matrix of blocks, or of tiles of them, `result` has rank 4 and is f16 or bf16.
    * (C2) `result` has the tiles that hold the rows and the columns, and its last dimensions are 64.
    Example:
    ```mlir
    %d = lathe.unpack_tiles %w : tensor<48x256x!lathe.gguf_tiles<q4_k>> -> tensor<1x4x64x64xf16>
    ```
  }];
  let arguments = (ins Lathe_QuantizedTensor:$input);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}
