// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @lstm_c1(%a0: tensor<5x1x3xf32>, %a1: tensor<1x8x3xf32>, %a2: tensor<1x8x2xf32>, %a3: tensor<1x3xf32>, %a4: tensor<1xi32>, %a5: tensor<1x1x2xf32>, %a6: tensor<1x1x2xf32>, %a7: tensor<1x6xf32>) {
  // expected-error @below {{'lathe.lstm' op bias is 'tensor<1x3xf32>', needed 'tensor<1x16xf32>', not quantized}}
  %y:3 = lathe.lstm %a0, %a1, %a2, %a3, %a4, %a5, %a6, %a7 forward clip 0.0 input_forget false
      : (tensor<5x1x3xf32>, tensor<1x8x3xf32>, tensor<1x8x2xf32>, tensor<1x3xf32>, tensor<1xi32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x6xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>)
  return
}

// -----

func.func @lstm_c2(%a0: tensor<5x1x3xf32>, %a1: tensor<1x8x3xf32>, %a2: tensor<1x8x2xf32>, %a3: tensor<1x16xf32>, %a4: tensor<1xi32>, %a5: tensor<1x1x2xf32>, %a6: tensor<1x1x2xf32>, %a7: tensor<1x6xf32>) {
  // expected-error @below {{'lathe.lstm' op direction is 'sideways', needed one of forward, reverse, bidirectional}}
  %y:3 = lathe.lstm %a0, %a1, %a2, %a3, %a4, %a5, %a6, %a7 sideways clip 0.0 input_forget false
      : (tensor<5x1x3xf32>, tensor<1x8x3xf32>, tensor<1x8x2xf32>, tensor<1x16xf32>, tensor<1xi32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x6xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>)
  return
}

// -----

func.func @gru_c1(%a0: tensor<5x1x3xf32>, %a1: tensor<1x6x3xf32>, %a2: tensor<1x6x2xf32>, %a3: tensor<1x3xf32>, %a4: tensor<1xi32>, %a5: tensor<1x1x2xf32>) {
  // expected-error @below {{'lathe.gru' op bias is 'tensor<1x3xf32>', needed 'tensor<1x12xf32>', not quantized}}
  %y:2 = lathe.gru %a0, %a1, %a2, %a3, %a4, %a5 forward clip 0.0 linear_before_reset false
      : (tensor<5x1x3xf32>, tensor<1x6x3xf32>, tensor<1x6x2xf32>, tensor<1x3xf32>, tensor<1xi32>, tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>)
  return
}

// -----

func.func @gru_c2(%a0: tensor<5x1x3xf32>, %a1: tensor<1x6x3xf32>, %a2: tensor<1x6x2xf32>, %a3: tensor<1x12xf32>, %a4: tensor<1xi32>, %a5: tensor<1x1x2xf32>) {
  // expected-error @below {{'lathe.gru' op direction is 'sideways', needed one of forward, reverse, bidirectional}}
  %y:2 = lathe.gru %a0, %a1, %a2, %a3, %a4, %a5 sideways clip 0.0 linear_before_reset false
      : (tensor<5x1x3xf32>, tensor<1x6x3xf32>, tensor<1x6x2xf32>, tensor<1x12xf32>, tensor<1xi32>, tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>)
  return
}

// -----

func.func @rnn_c1(%a0: tensor<5x1x3xf32>, %a1: tensor<1x2x3xf32>, %a2: tensor<1x2x2xf32>, %a3: tensor<1x3xf32>, %a4: tensor<1xi32>, %a5: tensor<1x1x2xf32>) {
  // expected-error @below {{'lathe.rnn' op bias is 'tensor<1x3xf32>', needed 'tensor<1x4xf32>', not quantized}}
  %y:2 = lathe.rnn %a0, %a1, %a2, %a3, %a4, %a5 forward clip 0.0 tanh
      : (tensor<5x1x3xf32>, tensor<1x2x3xf32>, tensor<1x2x2xf32>, tensor<1x3xf32>, tensor<1xi32>, tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>)
  return
}

// -----

func.func @rnn_c2(%a0: tensor<5x1x3xf32>, %a1: tensor<1x2x3xf32>, %a2: tensor<1x2x2xf32>, %a3: tensor<1x4xf32>, %a4: tensor<1xi32>, %a5: tensor<1x1x2xf32>) {
  // expected-error @below {{'lathe.rnn' op direction is 'sideways', needed one of forward, reverse, bidirectional}}
  %y:2 = lathe.rnn %a0, %a1, %a2, %a3, %a4, %a5 sideways clip 0.0 tanh
      : (tensor<5x1x3xf32>, tensor<1x2x3xf32>, tensor<1x2x2xf32>, tensor<1x4xf32>, tensor<1xi32>, tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>)
  return
}

// -----

func.func @rnn_c2_activation(%a0: tensor<5x1x3xf32>, %a1: tensor<1x2x3xf32>, %a2: tensor<1x2x2xf32>, %a3: tensor<1x4xf32>, %a4: tensor<1xi32>, %a5: tensor<1x1x2xf32>) {
  // expected-error @below {{'lathe.rnn' op activation is 'swish', needed one of tanh, relu, sigmoid}}
  %y:2 = lathe.rnn %a0, %a1, %a2, %a3, %a4, %a5 forward clip 0.0 swish
      : (tensor<5x1x3xf32>, tensor<1x2x3xf32>, tensor<1x2x2xf32>, tensor<1x4xf32>, tensor<1xi32>, tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>)
  return
}
