// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// One case for each numbered constraint of the operations in the .td file; the messages are complete.

func.func @weight_c1() {
  // expected-error @below {{'lathe.weight' op 'w' has type 'tensor<?x2xf32>', needed a static shape}}
  %0 = lathe.weight "w" file 0 offset 0 bytes 8 : tensor<?x2xf32>
  return
}

// -----

func.func @weight_c2() {
  // expected-error @below {{'lathe.weight' op 'w' has 15 bytes but its type takes 16}}
  %0 = lathe.weight "w" file 0 offset 0 bytes 15 : tensor<2x2xf32>
  return
}

// -----

func.func @weight_c2_whole_blocks() {
  // expected-error @below {{'lathe.weight' op 'w' has type 'tensor<1x200x!lathe.gguf<q4_k>>', whose shape is not made of whole blocks}}
  %0 = lathe.weight "w" file 0 offset 0 bytes 144 : tensor<1x200x!lathe.gguf<q4_k>>
  return
}

// -----

func.func @weight_program_c1() {
  // expected-error @below {{'lathe.weight_program' op 'w' holds 'lathe.fusion', needed operations on 'lathe.weight' and 'lathe.constant' alone}}
  %0 = lathe.weight_program "w" : tensor<2xf32> {
    %1 = lathe.fusion() : () -> tensor<2xf32> {
      %2 = lathe.constant dense<1.0> : tensor<2xf32>
      lathe.yield %2 : tensor<2xf32>
    }
    lathe.yield %1 : tensor<2xf32>
  }
  return
}

// -----

func.func @weight_program_c2() {
  // expected-error @below {{'lathe.weight_program' op 'w' yields 'tensor<2xf32>', needed one value of type 'tensor<2xf16>'}}
  %0 = lathe.weight_program "w" : tensor<2xf16> {
    %1 = lathe.constant dense<1.0> : tensor<2xf32>
    lathe.yield %1 : tensor<2xf32>
  }
  return
}

// -----

func.func @weight_program_c2_static() {
  // expected-error @below {{'lathe.weight_program' op 'w' has type 'tensor<?xf32>', needed a static shape}}
  %0 = lathe.weight_program "w" : tensor<?xf32> {
    %1 = lathe.constant dense<1.0> : tensor<2xf32>
    %2 = lathe.reshape %1 shape [2] : tensor<2xf32> -> tensor<?xf32>
    lathe.yield %2 : tensor<?xf32>
  }
  return
}

// -----

func.func @fusion_c1(%x: tensor<2xf32>) {
  // expected-error @below {{'lathe.fusion' op region takes ('tensor<2xf16>') but the operands are ('tensor<2xf32>')}}
  %0 = lathe.fusion(%x) : (tensor<2xf32>) -> tensor<2xf16> {
  ^bb0(%a: tensor<2xf16>):
    lathe.yield %a : tensor<2xf16>
  }
  return
}

// -----

func.func @fusion_c2(%x: tensor<2xf32>) {
  // expected-error @below {{'lathe.fusion' op region yields ('tensor<2xf32>') but the results are ('tensor<2xf16>')}}
  %0 = lathe.fusion(%x) : (tensor<2xf32>) -> tensor<2xf16> {
  ^bb0(%a: tensor<2xf32>):
    lathe.yield %a : tensor<2xf32>
  }
  return
}

// -----

func.func @read_sizes_c1(%n: tensor<2xi64>) {
  // expected-error @below {{reads 'tensor<2xi64>' with 1 minima and 1 maxima, needed 1 of each}}
  %s = lathe.read_sizes %n min [0] max [3] : tensor<2xi64> -> !lathe.sizes<1>
  return
}

// -----

func.func @read_sizes_c2(%n: tensor<1xi64>) {
  // expected-error @below {{size 0 is from 4 to 3, needed 0 <= min <= max}}
  %s = lathe.read_sizes %n min [4] max [3] : tensor<1xi64> -> !lathe.sizes<1>
  return
}
